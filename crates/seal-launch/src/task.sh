# Makes the stages of one task: task.sh NAME KEY...
# All that the program says is in the log of that name. A task that is given up leaves a record of
# that name, because a process that was killed leaves none itself.
#
# Exit code 5 may pass, and so may a signal that nobody here asked for, such as that of a host
# without memory. The task is then started again, a few times. Any other exit code stays.
name=$1
shift
record=$failed/$name.code
child=
asked=
signals=0
tried=0
# Keeps exit code, attempts and keys. The log says more, so a full disk changes nothing here.
keep_record() {
    code_kept=$1
    shift
    mkdir -p "$failed" && echo "$code_kept $tried $*" >"$record.$$" && mv -f "$record.$$" "$record"
}
# A terminal and Slurm may signal the program, too. A second TERM or INT would end it before it has
# kept its work, and a second USR2 does nothing. So what is passed on is USR2, and a little later.
pass_on() {
    asked=$1
    signals=$((signals + 1))
    sleep 1
    if [ -n "$child" ]; then
        kill -s USR2 "$child" 2>/dev/null
    fi
}
# An input that the store lacks is there a little later if another host has just made it. Longer
# waits bring no input.
lacks_input() {
    grep -q '"lacking": *true' "$failed/$name.json" 2>/dev/null
}
# Waits, and ends at a signal.
nap() {
    sleep "$1" &
    napping=$!
    wait "$napping"
    kill "$napping" 2>/dev/null
}
trap 'pass_on TERM' TERM
trap 'pass_on INT' INT
trap 'keep_record time "$@"; pass_on USR1' USR1
trap 'pass_on USR2' USR2
cd "$folder" || exit 1
while :; do
    (make_stages "$@") </dev/null >>"$logs/$name.log" 2>&1 &
    child=$!
    heard=$signals
    # One that came before the lines above was passed on to nobody.
    if [ -n "$asked" ]; then
        kill -s USR2 "$child" 2>/dev/null
    fi
    wait "$child"
    code=$?
    # A signal ends `wait`, and the program may end while the signal is handled. So the program is
    # waited for once more after each signal. 127 says that its code was given before.
    while [ "$heard" -ne "$signals" ]; do
        heard=$signals
        wait "$child"
        again=$?
        if [ "$again" -ne 127 ]; then
            code=$again
        fi
    done
    child=
    tried=$((tried + 1))
    if [ -n "$asked" ] || [ "$tried" -ge "$attempts" ]; then
        break
    fi
    case $code in
    5)
        if [ "$tried" -ge 2 ] && lacks_input; then
            break
        fi
        case $tried in
        1) nap 5 ;;
        2) nap 30 ;;
        *) nap 120 ;;
        esac
        ;;
    129 | 13? | 14? | 15?) nap "$tried" ;;
    *) break ;;
    esac
    if [ -n "$asked" ]; then
        break
    fi
done
if [ "$code" -eq 0 ]; then
    rm -f "$record"
    exit 0
fi
# Slurm says by USR1 that the time of the job runs out. The program has kept its work, and goes on
# when the job runs again. A job that is cancelled gets TERM, and stays where it is.
if [ "$asked" = USR1 ] && [ -n "${SLURM_JOB_ID:-}" ] &&
    [ "${SLURM_RESTART_COUNT:-0}" -lt "$requeue" ]; then
    case $code in
    1 | 2 | 3 | 4) ;;
    *)
        # Slurm ends this script while it queues the job again.
        rm -f "$record"
        job=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}
        if scontrol requeue "$job${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"; then
            exit "$code"
        fi
        keep_record time "$@"
        ;;
    esac
fi
# A stop that a user asked for is no failure.
if [ -z "$asked" ]; then
    keep_record "$code" "$@"
fi
exit "$code"
