#!/bin/bash
# What a machine can see of the style: files of at most 600 lines (tables of
# unit tests may be longer), functions of at most 100, no call that cannot be
# bounded, no shell, no words of unfinished work.
#
#   bash tests/style.sh
#
# Prints each fault; exits 1 when there is one.

set -u
cd "$(dirname "$0")/.." || exit 1

# Every line of ours; functions end with a brace in the first column.
check()
{
	awk -v table='^pki/owner_table.c' '
	function fault(n, s)
	{
		print FILENAME ":" n ": " s
	}
	FNR == 1 {
		if (last != "" && lines > 600 && last !~ table)
			print last ": " lines " lines, at most 600"
		last = FILENAME
		from = 0
		comment = 0
	}
	{
		lines = FNR
	}
	/^\{/ { from = FNR }
	/^\}/ {
		if (from != 0 && FNR - from + 1 > 100)
			fault(from, "function of " FNR - from + 1 \
			    " lines, at most 100")
		from = 0
	}
	/[ \t]$/ { fault(FNR, "blanks at the end of the line") }
	{
		# the code of the line: no text, no comment
		gsub(/\\"/, "")
		gsub(/"[^"]*"/, "\"\"")
		if (comment) {
			if (!sub(/^.*\*\//, ""))
				next
			comment = 0
		}
		gsub(/\/\*[^*]*\*\//, "")
		if (sub(/\/\*.*$/, ""))
			comment = 1
		if (match($0, /(^|[^A-Za-z0-9_.>])(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|system|popen)[ \t]*\(/))
			fault(FNR, "forbidden call: " substr($0, RSTART, RLENGTH))
		if (match($0, /(^|[ \t])return[ \t]*\(.*\)[ \t]*;/) &&
		    $0 ~ /return \([^()]*\);/)
			fault(FNR, "return with parentheses")
		if ($0 ~ /^[ \t]*typedef struct/)
			fault(FNR, "typedef of a struct")
	}
	END {
		if (lines > 600 && last !~ table)
			print last ": " lines " lines, at most 600"
	}' "$@"
}

# The check itself is checked.
plant=$(mktemp -d)
trap 'rm -rf "$plant"' EXIT
{
	printf 'int\nf(void)\n{\n\t(void)system("x");\n'
	seq -f '	/* %g */' 100
	printf '\treturn (1);\n}\n'
} > "$plant/bad.c"
if [ "$(check "$plant/bad.c" | wc -l)" -ne 3 ]; then
	echo "style: the check does not see what is wrong" >&2
	check "$plant/bad.c" >&2
	exit 1
fi

mapfile -t files < <(find base pki ctlog ocsp acme auditor tests \
    -name '*.[ch]' 2>/dev/null | sort)
faults=$(
	check "${files[@]}"
	words='TO''DO|FIX''ME|XX''X\b|place''holder'
	grep -nE "\b($words)" "${files[@]}"
)
if [ -n "$faults" ]; then
	echo "$faults" >&2
	echo "style: $(wc -l <<< "$faults") faults" >&2
	exit 1
fi
echo "style: ${#files[@]} files"
