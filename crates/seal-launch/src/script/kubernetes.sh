#!/bin/sh
# Applies the jobs level by level. A job that failed does not stop the next level: its other tasks
# have made their stages, and what reads from a stage that is missing fails by itself. The exit code
# is 1 if a job failed, or if the cluster does not answer.
here=$(cd "$(dirname "$0")" && pwd)
code=0
state_of() {
    kubectl get job "$1" -o 'jsonpath={.status.conditions[?(@.status=="True")].type}' "$2"
}
# A job that failed under this name is of an earlier start of this script: it goes, and runs again.
apply() {
    case " $(state_of "$1" --ignore-not-found) " in
    *' Failed '*) kubectl delete job "$1" || exit 1 ;;
    esac
    kubectl apply -f "$2" || exit 1
}
wait_for() {
    for job; do
        unanswered=0
        while :; do
            if state=$(state_of "$job" --ignore-not-found=false); then
                unanswered=0
                case " $state " in
                *' Failed '*)
                    echo "job $job failed" >&2
                    code=1
                    break
                    ;;
                *' Complete '*) break ;;
                esac
            else
                unanswered=$((unanswered + 1))
                if [ "$unanswered" -ge 12 ]; then
                    echo "job $job cannot be asked for" >&2
                    exit 1
                fi
            fi
            sleep 5
        done
    done
}
