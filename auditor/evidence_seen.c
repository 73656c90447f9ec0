#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auditor/evidence.h"
#include "auditor/evidence_check.h"
#include "auditor/evidence_json.h"
#include "base/enc.h"
#include "base/mem.h"

/*
 * What the instance saw and nobody signed: sources, endpoints, names, what a
 * log did not have.  The signature of the text was checked before.
 */

/* ${n} members beside type, grade, text and signature, and no others. */
static int
only(const json_t *o, size_t n, struct err *e)
{
	return json_object_size(o) == 4 + n ? 0 : err_set(e, ERR_FORMAT,
	    "a statement of this type does not refer to that");
}

static int
crl(struct evidence_file *f, size_t i, const json_t *o, const json_t *t,
    char *why, size_t cap, struct err *e)
{
	uint64_t	at = evidence_int(o, "crl");
	uint8_t		said[32], digest[32];

	if (evidence_shape(t, "s type,t made_at,h parts_sha256,h sha256,"
	    "i bytes,i entries", e) == -1)
		return err_prefix(e, "`text`");
	if (only(o, 1, e) == -1)
		return -1;
	if (json_object_get(o, "crl") == NULL || at >= i ||
	    f->items[at].type != 'p')
		return err_set(e, ERR_FORMAT, "`crl` names no parts that "
		    "were stated before and hold");
	evidence_hash(json_array_get(f->statements, at), digest);
	(void)enc_unhex_to(said, 32, evidence_str(t, "parts_sha256"));
	if (memcmp(said, digest, 32) != 0)
		return err_set(e, ERR_VERIFY, "`crl` are other parts than "
		    "those of `text`");
	(void)snprintf(why, cap, "we saw these parts in a CRL of %" PRIu64
	    " bytes with this digest", evidence_int(t, "bytes"));
	return 0;
}

static int
source(struct evidence_file *f, size_t i, const json_t *o, const json_t *t,
    char *why, size_t cap, struct err *e)
{
	if (evidence_shape(t, "s type,t made_at,s kind,s url,"
	    "h issuer_spki_sha256,s state,?s fault,?s why,?t failing_since,"
	    "?t checked_at,?t ok_at,?t this_update,?t next_update,?s number,"
	    "?h sha256,?i bytes,?i entries,?s serial,?s status,?i reason,"
	    "?t stated_at,?s refusal,?t first_seen,?t last_seen", e) == -1)
		return err_prefix(e, "`text`");
	if (only(o, 0, e) == -1)
		return -1;
	if (json_object_get(t, "serial") == NULL) {
		f->items[i].about = mem_str(evidence_str(t, "url"));
		(void)snprintf(why, cap, "we saw the source %.300s as %s",
		    evidence_str(t, "url"), evidence_str(t, "state"));
		return 0;
	}
	f->items[i].about = mem_printf("%s:%s", evidence_str(t,
	    "issuer_spki_sha256"), evidence_str(t, "serial"));
	(void)snprintf(why, cap, "we saw that %.300s says %s",
	    evidence_str(t, "url"), evidence_str(t, "status"));
	return 0;
}

/* Is the certificate with this hash in the file? */
static int
has_certificate(const struct evidence_file *f, size_t i, const char *sha)
{
	size_t	k;

	for (k = 0; k < i; k++)
		if (f->items[k].type == 'c' && strcmp(evidence_str(
		    json_array_get(f->statements, k), "cert_sha256"), sha)
		    == 0)
			return 1;
	return 0;
}

static int
served(struct evidence_file *f, size_t i, const json_t *o, const json_t *t,
    char *why, size_t cap, struct err *e)
{
	const char	*sha;

	if (evidence_shape(t, "s type,t made_at,s endpoint,s host,i port,"
	    "s starttls,s address,?h cert_sha256,H chain_sha256,"
	    "?s tls_version,?h staple_sha256,?h scts_sha256,?s error,"
	    "t first_seen,t last_seen", e) == -1)
		return err_prefix(e, "`text`");
	if (only(o, 0, e) == -1)
		return -1;
	f->items[i].about = mem_str(evidence_str(t, "endpoint"));
	sha = evidence_str(t, "cert_sha256");
	(void)snprintf(why, cap, sha[0] != '\0' ?
	    "%.280s served at %s certificate %s" :
	    "%.280s served at %s no certificate%s",
	    evidence_str(t, "endpoint"), evidence_str(t, "address"), sha);
	return sha[0] != '\0' && !has_certificate(f, i, sha);
}

static int
dns(struct evidence_file *f, size_t i, const json_t *o, const json_t *t,
    char *why, size_t cap, struct err *e)
{
	if (evidence_shape(t, "s type,t made_at,s name,s rrtype,s found_at,"
	    "a records,a grants,i ttl,f ad,s resolver,?s error,t first_seen,"
	    "t last_seen", e) == -1)
		return err_prefix(e, "`text`");
	if (only(o, 0, e) == -1)
		return -1;
	f->items[i].about = mem_str(evidence_str(t, "name"));
	(void)snprintf(why, cap, "the resolver %.64s said so of %.260s",
	    evidence_str(t, "resolver"), evidence_str(t, "name"));
	return 0;
}

/* Is the head late enough: at least the SCT and the log's MMD? */
static int
late(const struct evidence_item *sct, const struct evidence_item *head,
    const json_t *t, struct err *e)
{
	uint64_t	mmd = evidence_int(t, "mmd");

	if (mmd > UINT32_MAX || sct->timestamp > INT64_MAX / 2 ||
	    head->timestamp < sct->timestamp + mmd * 1000)
		return err_set(e, ERR_VERIFY, "the head is not later than "
		    "the SCT by the MMD (RFC 6962 3)");
	return 0;
}

static int
absence(struct evidence_file *f, size_t i, const json_t *o, const json_t *t,
    char *why, size_t cap, struct err *e)
{
	const struct evidence_item	*head, *sct;
	uint64_t			 s = evidence_int(o, "sct");
	uint8_t				 leaf[32], raw[32];

	if (evidence_shape(t, "s type,t made_at,b log_id,h leaf_hash,"
	    "i timestamp,i mmd,i tree_size,h head_sha256,s question,s answer,"
	    "t asked_at,?s url", e) == -1)
		return err_prefix(e, "`text`");
	if (only(o, 2, e) == -1 ||
	    (head = evidence_head_of(f, i, o, "head", e)) == NULL)
		return -1;
	if (json_object_get(o, "sct") == NULL || s >= i ||
	    f->items[s].type != 's')
		return err_set(e, ERR_FORMAT, "`sct` names none that was "
		    "stated before and whose signature is right");
	sct = &f->items[s];
	(void)enc_unhex_to(leaf, 32, evidence_str(t, "leaf_hash"));
	(void)enc_unhex_to(raw, 32, evidence_str(t, "head_sha256"));
	if (sct->log != head->log || strcmp(evidence_str(
	    f->logs[head->log].object, "log_id"), evidence_str(t, "log_id"))
	    != 0 || memcmp(raw, head->raw, 32) != 0 ||
	    evidence_int(t, "tree_size") != head->tree_size)
		return err_set(e, ERR_VERIFY, "`head` is not the one of "
		    "`text`");
	if (memcmp(leaf, sct->root, 32) != 0 ||
	    evidence_int(t, "timestamp") != sct->timestamp)
		return err_set(e, ERR_VERIFY, "`sct` is not the one of "
		    "`text`");
	if (late(sct, head, t, e) == -1)
		return -1;
	(void)snprintf(why, cap, "we asked for the leaf in the tree of %"
	    PRIu64 ", and it was not there", head->tree_size);
	return !f->logs[head->log].known;
}

int
evidence_seen(struct evidence_file *f, size_t i, const json_t *o,
    const json_t *t, char *why, size_t cap, struct err *e)
{
	static const struct {
		const char	*type;
		int		(*check)(struct evidence_file *, size_t,
		    const json_t *, const json_t *, char *, size_t,
		    struct err *);
	} table[] = {
		{ EVIDENCE_CRL, crl }, { EVIDENCE_SOURCE, source },
		{ EVIDENCE_SERVED, served }, { EVIDENCE_DNS, dns },
		{ EVIDENCE_ABSENCE, absence },
	};
	size_t	k;

	for (k = 0; k < sizeof(table) / sizeof(table[0]); k++)
		if (strcmp(evidence_str(t, "type"), table[k].type) == 0)
			return table[k].check(f, i, o, t, why, cap, e);
	return -2;
}
