#!/bin/sh
# Prints a C table of the migrations given: number, name, text.
# usage: embed.sh schema/0001_init.sql ...
set -eu
printf '/* Made by schema/embed.sh. */\n#include "auditor/db/migrate.h"\n\n'
for f in "$@"; do
	b=$(basename "$f" .sql)
	printf 'static const char sql_%s[] = {\n' "$b"
	od -An -v -tx1 "$f" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
	printf '0x00 };\n\n'
done
printf 'const struct migrate_step migrate_steps[] = {\n'
for f in "$@"; do
	b=$(basename "$f" .sql)
	n=$(echo "$b" | sed 's/^0*\([0-9]*\)_.*/\1/')
	printf '\t{ %s, "%s", sql_%s },\n' "$n" "$b" "$b"
done
printf '\t{ 0, NULL, NULL }\n};\n'
