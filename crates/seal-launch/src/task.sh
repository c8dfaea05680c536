# Makes the stages of one task: task.sh NAME KEY...
# All that the program says is in the log of that name.
#
# Exit code 5 may pass, and so may a signal that nobody here asked for, such as that of a host
# without memory. The task is then started again, a few times. Any other exit code stays.
name=$1
shift
child=
asked=
# A terminal and Slurm may signal the program, too. A second TERM or INT would end it before it has
# kept its work, and a second USR2 does nothing. So what is passed on is USR2, and a little later.
pass_on() {
    asked=$1
    sleep 1
    if [ -n "$child" ]; then
        kill -s USR2 "$child" 2>/dev/null
    fi
}
trap 'pass_on TERM' TERM
trap 'pass_on INT' INT
trap 'pass_on USR1' USR1
trap 'pass_on USR2' USR2
cd "$folder" || exit 1
tried=0
while :; do
    (make_stages "$@") </dev/null >>"$logs/$name.log" 2>&1 &
    child=$!
    # One that came before the line above was passed on to nobody.
    if [ -n "$asked" ]; then
        kill -s USR2 "$child" 2>/dev/null
    fi
    wait "$child"
    code=$?
    # A signal ends `wait` before the program has kept its work.
    while kill -0 "$child" 2>/dev/null; do
        wait "$child"
        code=$?
    done
    child=
    tried=$((tried + 1))
    if [ -n "$asked" ] || [ "$tried" -ge "$attempts" ]; then
        break
    fi
    case $code in
    5) sleep "$tried" ;;
    129 | 13? | 14? | 15?) ;;
    *) break ;;
    esac
    if [ -n "$asked" ]; then
        break
    fi
done
# Slurm says by USR1 that the time of the job runs out. The program has kept its work, and goes on
# when the job runs again. A job that is cancelled gets TERM, and stays where it is.
if [ "$asked" = USR1 ] && [ "$code" -eq 143 ] && [ -n "${SLURM_ARRAY_JOB_ID:-}" ] &&
    [ "${SLURM_RESTART_COUNT:-0}" -lt "$requeue" ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit "$code"
