#ifndef TESTS_UNIT_AUDITOR_AUDIT_FIXTURE_H
#define TESTS_UNIT_AUDITOR_AUDIT_FIXTURE_H

/* What the jobs of the audit would have written; after sql.h. */

/*
 * hash('11') is 32 bytes of 0x11.  cert(T, SERIAL, FROM, DAYS, NAMES): an
 * issuance with tbs hash(T), certificate hash(T) with another last byte,
 * issuer key hash('aa'), of owner digicert.com, for watch owner `web`.
 */
static const char audit_functions[] =
    "create or replace function hash(text) returns bytea language sql "
    "immutable as $$ select decode(repeat($1, 32), 'hex') $$;"
    "create or replace function cert(t text, s text, f timestamptz, d int, "
    "n text[]) returns void language sql as $$ "
    "insert into issuance (tbs_sha256, issuer_spki_sha256, serial, "
    "spki_sha256, key_type, names, not_before, not_after, issuer_owner, "
    "issued, decision, rule, rule_reason, first_seen, decided_at, facts) "
    "values (hash(t), hash('aa'), s, hash('bb'), 'p256', n, f, "
    "f + make_interval(days => d), 'digicert.com', 'valid', 'silent', 3, "
    "'imported', f + interval '1 hour', f + interval '2 hours', "
    "'{\"watches\": [{\"owner\": \"web\"}]}'); "
    "insert into certificate (sha256, not_after, tbs_sha256, form, der) "
    "values (set_byte(hash(t), 31, 0), f + make_interval(days => d), "
    "hash(t), 'x509', '\\x30'), (set_byte(hash(t), 31, 1), "
    "f + make_interval(days => d), hash(t), 'precert', '\\x30'); "
    "insert into certificate_name select hash(t), x from unnest(n) x; $$;";

/* Everything that a test of the audit may have written is gone. */
static const char audit_truncate[] =
    "truncate issuance, certificate, certificate_name, entry, sct, "
    "chain_verdict, ct_verdict, cert_fact, revocation, revocation_status, "
    "revocation_source, ocsp_due, expectation, endpoint, "
    "endpoint_observation, served_certificate, caa_observation, finding, "
    "finding_event, silence, delivery, known, work, worker, log, "
    "log_health, operator, tree_head, coverage_day, log_range, audit_report,"
    " channel restart identity cascade;";

#endif
