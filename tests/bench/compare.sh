# Two commands side by side: in turn, in one run, and what comes of it as text and as CSV (CSV=FILE). Sourced.
# shellcheck shell=bash

csv_row() {
    [ -z "${CSV:-}" ] || (IFS=,; echo "$*") >>"$CSV"
}

[ -z "${CSV:-}" ] || [ -n "${BENCH_CSV_BEGUN:-}" ] || {
    export BENCH_CSV_BEGUN=1
    : >"$CSV"
    csv_row what ratio low high ours other reach
}

# row WHAT FIGURE REACH: a figure that stands for itself.
row() {
    printf '%-66s %10s   (reach %s)\n' "$1" "$2" "$3"
    csv_row "\"$1\"" "$2" '' '' '' '' "\"$3\""
}

# pairs A B: a line for each round, "a b a/b".
pairs() {
    local a b i
    for i in $(seq "$rounds"); do
        # Each first half of the time, so that what the first one leaves behind falls out.
        if ((i % 2)); then
            a=$(eval "$1") b=$(eval "$2")
        else
            b=$(eval "$2") a=$(eval "$1")
        fi
        awk -v a="$a" -v b="$b" 'BEGIN {printf "%s %s %.4f\n", a, b, a / b}'
    done
}

# compare WHAT REACH A B: two commands that each print a figure.
compare() {
    sum_up "$1" "$2" "$(pairs "$3" "$4")"
}

# sum_up WHAT REACH LINES: of lines "a b a/b" the median of the ratios, the quartiles as its spread, and the median of each.
sum_up() {
    local lines=$3 ratio low high ours other
    quantile() { sort -g -k"$1","$1" <<<"$lines" | awk -v part="$2" -v at="$1" '{v[NR] = $at} END {print v[int((NR - 1) * part) + 1]}'; }
    ratio=$(quantile 3 0.5) low=$(quantile 3 0.25) high=$(quantile 3 0.75) ours=$(quantile 1 0.5) other=$(quantile 2 0.5)
    printf '%-66s %10.3f   (reach %s)   spread %.3f to %.3f, %s over %s\n' "$1" "$ratio" "$2" "$low" "$high" "$ours" "$other"
    csv_row "\"$1\"" "$ratio" "$low" "$high" "$ours" "$other" "\"$2\""
}
