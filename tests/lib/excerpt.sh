# SPDX-License-Identifier: MIT
# Shows of a log what failed, or else its end, set in: excerpt.sh LOG
log=$1
found=$(grep -aE -A 12 'FAILED|[ :]error:|^[^ ]*:[FE]:|ERROR:|SUMMARY:|WARNING: Thread|Traceback' "$log" |
    cut -c 1-220 | head -n 100)
if [ -n "$found" ]; then
    printf '%s\n' "$found"
else
    tail -n 40 "$log" | cut -c 1-220
fi | sed 's/^/            /'
