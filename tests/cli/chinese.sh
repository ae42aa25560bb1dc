# SPDX-License-Identifier: MIT
# --lang zh: what the tool says by itself is Chinese.  What the library says of a value, names of
# verbs, options and fields, pages of help and --json stay as they are.
. "$CLI_TESTS/lib.sh"

python3 "$CLI_TESTS/chinese.py" "$CLI_TESTS/../../examples/crm" >wrong || die "$(cat wrong)"

# each line that is said has Chinese
all_chinese()
{
    python3 -c '
import re, sys
for line in sys.stdin:
    if line.strip() and not re.search("[\u4e00-\u9fff]", line):
        sys.exit("not Chinese: " + line)' <"$W/err" 2>"$W/why" || die "$(cat "$W/why")"
    [ -s "$W/err" ] || die "nothing was said: $*"
}

cat >people.csv <<'END'
name,phone,colour
李娜,13900139000,red
王伟,139,blue
END
want 1 crm --lang zh import people.csv <<'END'
people.csv: CSV, UTF-8
列      字段   依据
name    name   键名
phone   phone  键名
colour  -      略去
2 行:1 新建, 0 更改, 0 未变, 1 有误
END
said <<'END'
crm: import: people.csv:3: phone: is not a phone number: too short(正确:a number of the country, or +44 20 7946 0018)
crm: import: 已建立 ./crm.db
crm: import: 批次 2(用“crm undo 2”撤回)
crm: import: 有误的行在 people.csv.errors.csv 里:请在那里改正,再导入那个文件
END
want 0 crm --lang zh-CN undo 2 --dry-run <<'END'
试运行: 1 删除, 0 还原, 0 事件, 0 略过
END
want 0 crm --lang zh undo 2 <<'END'
1 删除, 0 还原, 0 事件, 0 略过;批次 3
END
silent 2 crm --lang zh undo
said <<'END'
crm: undo: 需要一个修订号
请看“crm undo --help”。
END
for command in "frobnicate" "undo" "get 99" "get" "list --limit x" "list --limit 0" "tag add region:cn" \
    "segment show vip" "segment count" "export x.csv" "restore a b" "load" "find" "history" "create" \
    "set" "event" "import" "backup" "dump a b" "timeline" "trim" "act" "init a b" "check 1" "stat 1" \
    "verify 1" "head 1" "changes 1" "compact 1" "model" "-C none list" "find phone=13700137000" "delete x"; do
    crm --lang zh $command >"$W/out" 2>"$W/err" </dev/null && die "no error: $command"
    all_chinese "$command"
done

# programs get the same in every language
silent 2 crm --lang zh --json undo
said <<'END'
{"error":{"code":"USAGE","verb":"undo","message":"needs one revision"}}
END
# the locale says it, too
code=0
LC_ALL=zh_CN.UTF-8 "$CRM" -C none list >"$W/out" 2>"$W/err" || code=$?
same $code 5
said <<'END'
crm: list: none 没有数据库(“crm init”建立一个,-C 指定别的)
END
