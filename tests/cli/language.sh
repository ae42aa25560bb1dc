# SPDX-License-Identifier: MIT
# Every example of docs/segment-language.md, answered for random customers, against an evaluator in
# another language that looks at each customer and event (language.py).
. "$CLI_TESTS/lib.sh"

command -v python3 >/dev/null || exit 0
python3 "$CLI_TESTS/language.py" customers >customers
crm create --file customers >/dev/null 2>"$W/err" || die "create"
crm segment save vip 'vip = true' >/dev/null
python3 "$CLI_TESTS/language.py" ask "$CLI_TESTS/../../docs/segment-language.md" customers
