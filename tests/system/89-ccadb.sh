#!/bin/bash
# CRLs that only CCADB knows: a certificate without CRLDP is good when every
# partition of its CA is fresh, authentic and silent, and only then.
#
#   bash tests/system/89-ccadb.sh build/release
#
# takes: 30

set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh
t_begin 89-ccadb "${1:-}"

t_rig --log elm,operator=Elm
t_cas ,shards=4
t_db ccadb
ccadb=$T/ccadb.csv
get "$cas/ccadb/records.csv" > "$ccadb"
t_conf ccadb 'watch: [.corp.example]' "ccadb_csv: $ccadb" \
    "audit: {every: 1h, roots: $T/ca/root.pem}"
post "/_rig/elm/fill?n=20&seed=1" >/dev/null

# cert P HOW...
cert()
{
	# shellcheck disable=SC2086
	t_cert "$1.corp.example" "$1" --submit "$rig/elm" --final-submit \
	    ${*:2}
}

# A partition that says revoked must be dropped in one of the runs below: one
# certificate in each of the four, found by their serials.
each_part()
{
	local n tries=0 serial

	for n in 1 2 3 4; do
		while [ $((tries += 1)) -le 200 ]; do
			cert "gone$n"
			serial=$(of "gone$n" serial)
			[ $((16#${serial: -1} % 4 + 1)) -ne "$n" ] || break
		done
	done
}

# What is known of these four, the same for all or not.
gone()
{
	local n

	for n in 1 2 3 4; do
		status "gone$n"
	done | sort -u | paste -sd,
}

status()
{
	sql "select status || coalesce(' ' || reason, '') from revocation
	    where serial = '$(of "$1" serial)'"
}

why()
{
	sql "select why like '%$2%' from revocation where serial =
	    '$(of "$1" serial)'"
}

# What CCADB's list makes of sources, without the port.
listed()
{
	sql "select regexp_replace(url, '.*/crl/', '') from revocation_source
	    where origin = 'ccadb' order by url" | paste -sd' '
}

cert plain
each_part
cert named --crl "$cas/ca/crl/full.crl"
cert responder --ocsp "$cas/ca/ocsp"
cas_lie 503 kind=ocsp
once
eq "first look" $rc 0
[ $rc -eq 0 ] || show
eq "the partitions are sources" "$(listed)" "1.crl 2.crl 3.crl 4.crl"
eq "without CRLDP, good by all of them" "$(status plain)" good
eq "each has said so" "$(sql "select count(*) from revocation_status where
    status = 'good' and serial = '$(of plain serial)'")" 4
eq "a CRLDP is asked alone" "$(sql "select count(*) from revocation_status
    where serial = '$(of named serial)'")" 1
eq "where there is a CRL no responder is needed" "$(status responder)" good

# --- revoked in its partition ------------------------------------------------------

for n in 1 2 3 4; do
	revoke "gone$n" reason=keyCompromise
done
again
eq "revoked" "$(gone)" "revoked 1"
eq "each by one partition" "$(sql "select count(*), count(distinct source_id)
    from revocation_status where status = 'revoked'")" "4|4"
eq "the silence of the others contradicts nothing" "$(sql "select count(*) from
    revocation where disagree_since is not null")" 0
eq "which is news" "$(sql "select count(*) from finding where kind =
    'certificate.revoked' and subject like '%:$(of gone1 serial)'")" 1
eq "the others are good" "$(status plain)" good

# --- one partition that says nothing ------------------------------------------------

cas_lie 404 'kind=crl&shard=2'
cert fresh
again
eq "nobody knows with one missing" "$(status fresh)" unknown
eq "it is said which" "$(why fresh /2.crl)" t
eq "what it said before counts while it is fresh" "$(status plain)" good
honest
cas_lie wrong_idp 'mode=swap&shard=3'
cert swapped
again
eq "its neighbour's list is not its own" "$(status swapped)" unknown
eq "it is said which" "$(why swapped /3.crl)" t
eq "the other one is good now" "$(status fresh)" good
honest
again
eq "good by all" "$(status fresh)$(status swapped)" goodgood

# --- the list changes -----------------------------------------------------------------

# A partition that cannot be followed, and one that is no more.
sed -i 's,""http://[^"]*/1.crl"",""ldap://ldap.corp.example/1"",' "$ccadb"
again
eq "what cannot be followed is a source that nobody answers" "$(listed)" \
    "ccadb:ldap://ldap.corp.example/1 2.crl 3.crl 4.crl"
eq "so that nothing is good" "$(status plain)" unknown
eq "revoked stays revoked" "$(gone)" "revoked 1"
sed -i 's,""ldap:[^"]*"" *\, *,,' "$ccadb"
again
eq "three are left" "$(listed)" "2.crl 3.crl 4.crl"
eq "they decide" "$(status plain)" good
get "$cas/ccadb/records.csv" > "$ccadb"
again
eq "four again" "$(listed)" "1.crl 2.crl 3.crl 4.crl"
echo '"cut off' >> "$ccadb"
again
eq "a list that cannot be read leaves what was" "$(listed)$(status plain)" \
    "1.crl 2.crl 3.crl 4.crlgood"
ok "and is named" grep -q "ccadb.csv: .*cut off" "$T/err"

# --- check ------------------------------------------------------------------------------

get "$cas/ccadb/records.csv" > "$ccadb"
# asked P: status and how many sources
asked()
{
	cv --json check --roots "$T/ca/root.pem" \
	    --intermediates "$T/ca/int.pem" "$T/$1.pem"
	sed -n 's/.*"revocation": *{"status": *"\([a-z_]*\)".*/\1/p' "$T/out"
	grep -o '/crl/[0-9]\.crl' "$T/out" | sort -u | wc -l
}
eq "check: good by four" "$(asked plain | paste -sd' ')" "good 4"
eq "check: revoked" "$(asked gone1 | paste -sd' ')" "revoked 4"
eq "check: its CRLDP alone" "$(asked named | paste -sd' ')" "good 0"
cas_lie 404 'kind=crl&shard=2'
eq "check: one is missing" "$(asked plain | paste -sd' ')" "unknown 4"
honest

# --- no list ----------------------------------------------------------------------------

sed -i /^ccadb_csv/d "$conf"
again
eq "no list, no sources" "$(listed)" ""
eq "the certificate names none" "$(status plain)" not_applicable
eq "revoked stays revoked" "$(gone)" "revoked 1"
again
eq "its responder alone decides" "$(status responder)" good
t_end
