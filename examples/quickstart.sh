#!/bin/sh
# SPDX-License-Identifier: MIT
# From a fresh Debian 12 to a working customer database: installs what is missing, builds into ./build,
# makes sample data and does the main job with it.  May be run again and from any folder.
#   sh examples/quickstart.sh [-y]      -y: do not ask before installing packages
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
. scripts/deps.sh
unset CRM_ACTOR CDPATH 2>/dev/null || true

yes=
case ${1-} in
-y) yes=1 ;;
'') ;;
*)
    printf 'usage: sh examples/quickstart.sh [-y]\n' >&2
    exit 2
    ;;
esac

work=build/quickstart
log=$work/last.log
number=0

head_line()
{
    number=$((number + 1))
    printf '\n%d. %s\n' "$number" "$*"
}

give_up()
{
    printf '\nThis did not work; the end of %s:\n\n' "$log" >&2
    tail -n 25 "$log" >&2
    exit 1
}

# run CODE WORD...: shows a command of the tool and runs it; it must end with that exit code.
run()
{
    want=$1
    shift
    printf '\n   $ crm'
    for word; do
        case $word in
        *[!A-Za-z0-9@%_+=:,./-]*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    code=0
    "$tool" "$@" >"$log" 2>&1 || code=$?
    [ "$code" -eq "$want" ] || give_up
    sed 's/^\(.\)/   \1/' "$log"
}

# run_shell COMMAND: the same of any other command.
run_shell()
{
    printf '\n   $ %s\n' "$1"
    sh -c "$1" >"$log" 2>&1 || give_up
    sed 's/^\(.\)/   \1/' "$log"
}

install_packages()
{
    if ! deps_is_debian; then
        printf '   This is no Debian. What would be installed there: %s\n' "$(echo $deps_build)"
        return 0
    fi
    # shellcheck disable=SC2086  # lists of words
    missing=$(deps_missing $deps_build | tr '\n' ' ')
    if [ -z "$missing" ]; then
        printf '   All there.\n'
        return 0
    fi
    printf '   Missing: %s\n' "$missing"
    if [ -z "$yes" ] && [ -t 0 ] && [ -t 1 ]; then
        printf '   Install them with apt-get? [Y/n] '
        read -r answer
        case $answer in
        '' | [Yy]*) ;;
        *)
            printf '   Nothing was installed.\n'
            exit 1
            ;;
        esac
    fi
    # shellcheck disable=SC2086
    deps_install $missing >"$log" 2>&1 || give_up
    printf '   Installed.\n'
}

# A folder that is there already keeps its options; one that no longer works is made anew.
build_all()
{
    tool=build/examples/crm/crm
    begun=$(date +%s)
    if [ -f build/build.ninja ]; then
        ninja -C build examples/crm/crm >"$log" 2>&1 && return 0
        printf '   ./build is from elsewhere or too old, and is made again.\n'
        keep=$(mktemp -d)
        mv "$work" "$keep/"
        rm -rf build
        mkdir build
        mv "$keep/quickstart" build/
        rmdir "$keep"
    fi
    # Below /usr/local, lib is where Debian's linker and pkg-config look; without dpkg-dev meson takes lib64.
    meson setup -Dbuildtype=release -Dtests=false --libdir=lib build >"$log" 2>&1 || give_up
    ninja -C build >>"$log" 2>&1 || give_up
}

# 1,000 customers, one JSON document a line, the same ones every time.  Those in Chinese use the Chinese
# names of the fields, phones are written as people write them, and every tenth is a company.
make_data()
{
    awk '
    function next_number(n) { seed = (seed * 16807) % 2147483647; return int(seed / 2147483647 * n) }
    function pick(list, parts, n) { n = split(list, parts, " "); return parts[1 + next_number(n)] }
    function digits(n, out) { out = ""; while (n-- > 0) out = out next_number(10); return out }
    BEGIN {
        seed = 20260101
        for (i = 1; i <= 1000; i++) {
            chinese = i % 2
            id = sprintf("\"identities\":[{\"kind\":\"external\",\"source\":\"shop\",\"value\":\"S-%04d\"}]", i)
            if (i % 10 == 0 || i % 10 == 5) {
                if (chinese)
                    printf "{\"kind\":\"organisation\",\"名称\":\"%s%s有限公司\",\"电话\":\"139 %s %04d\",\"城市\":\"%s\",%s}\n",
                        pick("明德 瑞丰 华盛 天和 新源 永兴 宏图 金桥"), pick("贸易 科技 食品 服装 物流 文化"),
                        digits(4), i, pick("上海 北京 广州 深圳 杭州 成都"), id
                else
                    printf "{\"kind\":\"organisation\",\"name\":\"%s %s Ltd\",\"phone\":\"+44 20 7946 %04d\",\"city\":\"London\",\"country\":\"GB\",%s}\n",
                        pick("Northern Harbour River Castle Meadow Bright"), pick("Trading Foods Textiles Tools Travel"), i, id
                continue
            }
            if (chinese)
                printf "{\"姓名\":\"%s%s\",\"手机\":\"138 %s %04d\",\"邮箱\":\"s%d@example.cn\",\"城市\":\"%s\",\"评分\":%d,\"客户来源\":\"%s\",%s}\n",
                    pick("王 李 张 刘 陈 杨 赵 黄 周 吴"), pick("伟 芳 娜 敏 静 强 磊 洋 艳 杰 秀英 志强 建国 小红"),
                    digits(4), i, i, pick("上海 北京 广州 深圳 杭州 成都"), next_number(1001),
                    pick("微信 门店 转介绍 网站 广告"), id
            else
                printf "{\"name\":\"%s %s\",\"phone\":\"%s%04d\",\"email\":\"S%d@Example.com\",\"city\":\"%s\",\"score\":%d,\"lead_source\":\"%s\",%s}\n",
                    pick("Anna James Maria Thomas Laura David Emma Peter"), pick("Becker Smith Keller Jones Fischer Brown Weber Taylor"),
                    pick("+1(212)555- +44/20/7946- +4930901"), i, i,
                    pick("London Berlin Boston Vienna"), next_number(1001), pick("web store referral ads email"), id
        }
    }' >"$work/customers.jsonl"
}

# What people send: other encodings, other separators, phones as they come, words for tags, and mistakes.
make_messy()
{
    iconv -f UTF-8 -t GB18030 >"$work/客户.csv" <<'END'
客户编号;姓名;手机号(必填);邮箱;城市;生日;标签;备注
K-1;张伟;138 0013 8000;zw@example.cn;上海;1990/5/3;高价值、老朋友;老客户
K-2;李娜;12;lina@example.cn;北京;1985年4月12日;;
K-3;王芳;１３９００１３９０００;wf@@example.cn;广州;1991-02-30;地域:广东/广州;电话不通
K-4;刘洋;137-0013-7000;;深圳;;购买力:高价值、购买力:低价值;"要两张
发票"
K-5;陈静;136 0013 6000;cj@example.cn
END
    iconv -f UTF-8 -t UTF-16 >"$work/contacts.txt" <<'END'
First Name	Last Name	E-mail Address	Mobile Phone	Company	Categories	Notes
Zoë	Müller	zoe@example.com	+44 20 7946 0018	Bäckerei Groß	Friends; Fair 2026	she said "call in May"
José	Núñez	jose@example.com	+34 912 345 678	N/A	Fair 2026
END
}

printf 'libcrm quickstart, in %s\n' "$top"
mkdir -p "$work"

head_line 'Packages'
install_packages

head_line 'Build into ./build (a minute the first time)'
build_all
printf '   Done in %d s: the library is build/src/libcrm.so, the tool %s.\n' $(($(date +%s) - begun)) "$tool"

CRM_DB=$work/shop.crm
CRM_ACTOR=quickstart
export CRM_DB CRM_ACTOR
rm -rf "$CRM_DB"

head_line 'A file as people have it, with no other step: GB18030, semicolons, Chinese headers, tags, bad rows'
make_messy
rm -f "$work/客户.csv.errors.csv"
run 1 import "$work/客户.csv" --source old-crm
run 0 get 张伟
run 0 tags --of 张伟

head_line 'The bad rows stand in a file of their own: put them right there and import that'
run_shell "cat '$work/客户.csv.errors.csv'"
sed 's/,12,/,135 0013 5000,/; s/@@/@/; s/1991-02-30/1991-02-28/; s/购买力:高价值、购买力:低价值/低价值/' \
    "$work/客户.csv.errors.csv" >"$work/right.csv"
run 0 import "$work/right.csv" --source old-crm

head_line 'The same file again changes nothing'
run 0 import "$work/right.csv" --source old-crm

head_line 'Another one, as a spreadsheet saves text: UTF-16, tabs, the columns of an address book; rehearsed first'
run 0 import "$work/contacts.txt" --dry-run
run 0 import "$work/contacts.txt"
run 0 tags

head_line 'And 1,000 customers as JSON Lines, half of them with Chinese names of fields'
make_data
sed -n '1,2p' "$work/customers.jsonl" | sed 's/^/   /'
run 0 import "$work/customers.jsonl" --source shop-list

head_line 'Find one by phone, however it is written, with either name of the field'
phone=$(sed -n '1s/.*"手机":"\([^"]*\)".*/\1/p' "$work/customers.jsonl")
plain=$(printf '%s' "$phone" | tr -d ' ')
run 0 find "phone=$phone"
run 0 find "手机=+86-$plain"

head_line 'Change it; each value remembers where it came from and when'
run 0 set "$plain" lifecycle=active 备注='prefers to be called in the evening' --source phone-call
run 0 get "$plain" --origins --pretty

head_line 'Its timeline: what happened, in the words of the model, and the totals'
run 0 event add "$plain" kind=call direction=in time=2026-03-01T10:30+08:00 subject='Asked for a quote'
run 0 event add "$plain" 类型=订单 金额='128.50 CNY' 产品=龙井茶 time=2026-03-04 --source shop --reference O-1001
run 0 timeline "$plain"
run 0 timeline "$plain" --totals

head_line 'Who changed what: every change is in the journal'
run 0 set "$plain" city=Berlin score=0 --source import
change=$("$tool" head | cut -d ' ' -f 1)
run 0 history "$plain" --limit 2

head_line 'That was a mistake: rehearse taking it back, then do it'
run 0 undo "$change" --dry-run
run 0 undo "$change"
run 0 history "$plain" --limit 1

head_line 'Delete it: it is gone from every search; bring it back as it was'
id=$("$tool" find "phone=$plain" --json | sed 's/[^0-9]*\([0-9]*\).*/\1/')
run 0 delete "$id"
run 1 find "phone=$phone"
run 0 undelete "$id"
run 0 find "phone=$phone"

head_line 'List'
run 0 list --limit 6 --fields id,name,phone,city,score
run 0 list --kind organisation --limit 3 --lang zh

head_line 'Ask: who scores high and is in Shanghai, or came by WeChat? How many, and the best five'
run 0 segment count '评分 >= 700 and (城市 = 上海 or 客户来源 = 微信)'
run 0 list --where '评分 >= 700 and (城市 = 上海 or 客户来源 = 微信)' --order 'score desc, name' --limit 5 --fields id,name,city,lead_source,score

head_line 'By what they differ, how it was answered, and why somebody is not among them'
run 0 segment facet 'score >= 700' --by lead_source
run 0 segment explain '评分 >= 700 and (城市 = 上海 or 客户来源 = 微信)'
run 0 segment why 'score >= 700 and event(call) and not event(order)' "$plain"

head_line 'Tag all of them at once, in one change; tags are conditions like others'
run 0 segment tag '评分 >= 900' 购买力:高价值 --reason 'spring review'
run 0 segment facet all --by tags
run 0 segment count 'tag(value:high) and lead_source = wechat'

head_line 'A question with a name is always up to date; one that is misspelt is shown where'
run 0 segment save won 'event(call) followed by event(order)'
run 0 segment top 'segment(won)' --fields id,name,city
run 4 segment count 'segment(won) and scroe > 5'

head_line 'A watched one tells who enters and who leaves, with each change and as time goes by'
run 0 segment save recent 'event(call, last 7 days)'
run 0 segment watch recent
run 0 event add 1 kind=call direction=out
run 0 segment advance
run 0 segment feed recent --limit 4

head_line 'Numbers: exact, by month, by steps, as a table or a picture'
run 0 numbers 'count, avg(score), max(score) by lead_source'
run 0 segment sum 'score >= 700' score lead_source
run 0 numbers 'count by score in 5 steps' --of 'score is not empty'
run 0 numbers 'count(*) by month last 3 months' --svg "$work/months.svg"
run 0 segment diff 'score >= 700' '城市 = 上海'

head_line 'Something done to all of them, rehearsed first'
run 0 act 'segment(won)' --set lifecycle=active --event kind=call --event direction=out --dry-run

head_line 'Out again: all, or who is in a segment; noted in the journal with the reason'
run 0 export "$work/out.csv" --fields name,phone,city,tags --reason 'for the newsletter' --force
run 0 segment export 'tag(value:high) and phone is not empty' "$work/calls.vcf" --reason 'calls of May' --force

head_line 'How large it is, and whether it is sound'
run 0 stat
run 0 check
run 0 verify

head_line 'A copy to keep, verified when it is written'
run 0 backup "$work/shop.crm.gz" --gzip --force

cat <<END

That was it. What to try next, in this folder:

   export PATH="$top/build/examples/crm:\$PATH" CRM_DB="$top/$CRM_DB"
   crm --help                             every verb; crm VERB --help teaches it
   crm create 姓名=张伟 电话='139 0013 9000'
   crm list --json | head -n 3            for programs
   crm segment --help                     questions over all customers; docs/segment-language.md
   crm numbers --help                     sums, averages, tables, pictures; docs/numbers.md
   crm import my-customers.csv            CSV, XLSX, vCard, JSON Lines; docs/import.md
   crm changes --follow                   what changes, as it happens, in any process
   crm model show                         the built-in model; docs/model.md says how to write yours

   sh tests/run.sh                        the tests
   examples/hello.c                       the same from C, on one page; to compile it, as root once
   meson install -C build && ldconfig     and then
   cc examples/hello.c \$(pkg-config --cflags --libs libcrm) -o hello
END
