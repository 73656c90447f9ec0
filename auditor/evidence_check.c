#include "auditor/evidence_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auditor/evidence.h"
#include "auditor/evidence_flip.h"
#include "auditor/evidence_heads.h"
#include "auditor/evidence_json.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/entry.h"
#include "ctlog/merkle.h"
#include "ctlog/note.h"
#include "ctlog/sth.h"
#include "pki/cert.h"

/* One statement after the other: derive what it says, or compare. */

int
evidence_same(const json_t *o, const char *key, json_t *want, struct err *e)
{
	int	ok = json_equal(json_object_get(o, key), want);

	json_decref(want);
	return ok ? 0 : err_set(e, ERR_VERIFY, "`%s` is not what the bytes "
	    "say", key);
}

int
evidence_agrees(const json_t *o, json_t *said, size_t more, struct err *e)
{
	json_t		*v;
	const char	*key;
	int		 rc = 0;

	if (said == NULL)
		return -1;
	json_object_foreach(said, key, v)
		if (rc == 0)
			rc = evidence_same(o, key, json_incref(v), e);
	/* and nothing is said that the bytes do not say */
	if (rc == 0 && json_object_size(o) != json_object_size(said) + more)
		rc = err_set(e, ERR_FORMAT, "says more than its bytes");
	json_decref(said);
	return rc;
}

static json_t *
number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

struct evidence_logkey *
evidence_log_of(struct evidence_file *f, const json_t *o, size_t *at,
    struct err *e)
{
	uint64_t	i = evidence_int(o, "log");

	if (i >= f->nlogs || f->logs[i].object == NULL) {
		(void)err_set(e, ERR_FORMAT, "`log` names none of the file's "
		    "logs that could be read");
		return NULL;
	}
	*at = (size_t)i;
	return &f->logs[i];
}

const struct evidence_item *
evidence_head_of(struct evidence_file *f, size_t i, const json_t *o,
    const char *key, struct err *e)
{
	uint64_t	h = evidence_int(o, key);

	if (!json_is_integer(json_object_get(o, key)) || h >= i ||
	    f->items[h].type != 'h') {
		(void)err_set(e, ERR_FORMAT, "`%s` names no head that was "
		    "stated before and holds", key);
		return NULL;
	}
	return &f->items[h];
}

int
evidence_onward(uint64_t size, const uint8_t root[32],
    const struct evidence_item *head, const json_t *nodes, struct err *e)
{
	struct buf	b = BUF_INIT;
	int		rc;

	if (nodes == NULL)
		return size == head->tree_size &&
		    memcmp(root, head->root, 32) == 0 ? 0 :
		    err_set(e, ERR_VERIFY, "the root is not that of the "
		    "signed head");
	evidence_join(nodes, &b);
	rc = size < head->tree_size && b.n / 32 <= MERKLE_PROOF ?
	    merkle_consistency(size, root, head->tree_size, head->root,
	    (const uint8_t (*)[32])b.p, b.n / 32) : -1;
	buf_free(&b);
	return rc == 0 ? 0 : err_set(e, ERR_VERIFY, "the consistency proof "
	    "does not lead to the signed head (RFC 6962 2.1.2)");
}

static enum evidence_verdict
check_head(struct evidence_file *f, size_t i, const json_t *o, char *why,
    size_t cap, struct err *e)
{
	const char		*form = evidence_str(o, "form");
	struct evidence_item	*it = &f->items[i];
	struct evidence_logkey	*l;
	struct sth		 sth;
	struct span		 body;
	struct buf		 raw = BUF_INIT;
	int			 rc = -1;

	if (evidence_shape(o, "s type,s grade,i log,s form,b raw,"
	    "i tree_size,i timestamp,h root_hash", e) == -1 ||
	    (l = evidence_log_of(f, o, &it->log, e)) == NULL)
		return EVIDENCE_INVALID;
	if (strcmp(form, l->tiles ? "checkpoint" : "sth") != 0) {
		(void)err_set(e, ERR_FORMAT, "`form` is not that of the log's "
		    "protocol");
		return EVIDENCE_INVALID;
	}
	evidence_bytes(o, "raw", &raw);
	body = buf_bytes(&raw);
	sha_256(it->raw, body.p, body.n);
	/* right for the key that is named, whether that is known or not */
	if (l->tiles ? note_read(body, l->origin, buf_bytes(&l->key), &sth,
	    e) == 0 : sth_read_json(body, &sth, e) == 0 &&
	    sth_verify(&sth, buf_bytes(&l->key), e) == 0)
		rc = 0;
	buf_free(&raw);
	if (rc == -1 ||
	    evidence_same(o, "tree_size", number(sth.tree_size), e) == -1 ||
	    evidence_same(o, "timestamp", number(sth.timestamp), e) == -1 ||
	    evidence_same(o, "root_hash", evidence_hex(sth.root, 32), e) == -1)
		return EVIDENCE_INVALID;
	it->type = 'h';
	it->tree_size = sth.tree_size;
	it->timestamp = sth.timestamp;
	memcpy(it->root, sth.root, 32);
	(void)snprintf(why, cap, "the log signed a tree of %" PRIu64
	    " entries", sth.tree_size);
	return l->known ? EVIDENCE_VALID : EVIDENCE_UNCHECKED;
}

/* Each certificate of a chain signed by the next. */
static int
chain_check(struct span der, const struct span *chain, size_t n,
    struct err *e)
{
	size_t	i;

	for (i = 0; i < n; i++)
		if (cert_signed_by(i == 0 ? der : chain[i - 1], chain[i], e)
		    != 1) {
			(void)err_set(e, ERR_VERIFY, "cannot be checked");
			return err_prefix(e, "certificate %zu of the chain",
			    i);
		}
	return 0;
}

/* The chain of a certificate statement, as spans into ${b}. */
static size_t
chain_load(const json_t *o, struct buf *b, struct span *out)
{
	const json_t	*a = json_object_get(o, "chain"), *v;
	size_t		 i, at, n = json_array_size(a);

	if (n > LIMIT_CHAIN)
		n = LIMIT_CHAIN + 1;
	for (i = 0; i < n && i < LIMIT_CHAIN; i++) {
		v = json_array_get(a, i);
		at = b->n;
		(void)enc_unb64(json_string_value(v), json_string_length(v),
		    b);
		out[i].n = b->n - at;
	}
	for (i = 0, at = 0; i < n && i < LIMIT_CHAIN; i++) {
		out[i].p = b->p + at;
		at += out[i].n;
	}
	return n;
}

static enum evidence_verdict
check_certificate(struct evidence_file *f, size_t i, const json_t *o,
    char *why, size_t cap, struct err *e)
{
	struct span	 chain[LIMIT_CHAIN];
	struct buf	 der = BUF_INIT, b = BUF_INIT;
	size_t		 n;
	int		 rc = -1;

	if (evidence_shape(o, "s type,s grade,s form,b der,B chain,"
	    "A chain_sha256,h tbs_sha256,h cert_sha256,h spki_sha256,"
	    "?h issuer_spki_sha256,"
	    "s serial,s subject,s issuer,A names,t not_before,t not_after", e)
	    == -1)
		return EVIDENCE_INVALID;
	evidence_bytes(o, "der", &der);
	n = chain_load(o, &b, chain);
	if (n > LIMIT_CHAIN) {
		(void)err_set(e, ERR_LIMIT, "the chain has more than %d "
		    "certificates", LIMIT_CHAIN);
		goto out;
	}
	/* beside its bytes: type, grade, chain */
	if (evidence_agrees(o, evidence_describe(evidence_str(o, "form"),
	    buf_bytes(&der), chain, n, e), 3, e) == -1 ||
	    chain_check(buf_bytes(&der), chain, n, e) == -1)
		goto out;
	f->items[i].type = 'c';
	rc = 0;
	(void)snprintf(why, cap, "%s", n != 0 ? "its issuer signed it" :
	    "its issuer's certificate is not in the file");
out:
	buf_free(&der);
	buf_free(&b);
	return rc == -1 ? EVIDENCE_INVALID : n != 0 ? EVIDENCE_VALID :
	    EVIDENCE_UNCHECKED;
}

/* Is the leaf that of the certificate? */
static int
bound(struct evidence_file *f, const json_t *o, size_t i,
    const struct entry *entry, struct err *e)
{
	uint64_t	 c = evidence_int(o, "certificate");
	struct buf	 der = BUF_INIT, b = BUF_INIT;
	struct span	 chain[LIMIT_CHAIN];
	const json_t	*cert;
	size_t		 n;
	int		 rc = -1;

	if (c >= i || f->items[c].type != 'c')
		return err_set(e, ERR_FORMAT, "`certificate` names none that "
		    "was stated before and holds");
	cert = json_array_get(f->statements, c);
	evidence_bytes(cert, "der", &der);
	n = chain_load(cert, &b, chain);
	if ((entry->type == ENTRY_PRECERT) !=
	    (strcmp(evidence_str(cert, "form"), "precert") == 0))
		(void)err_set(e, ERR_VERIFY, "the entry is of another type "
		    "than the certificate");
	else if (entry->type == ENTRY_PRECERT)
		rc = cert_binds(buf_bytes(&der), entry->cert, chain, n,
		    n != 0 ? entry->issuer_key_hash : NULL, e);
	else if (entry->cert.n == der.n &&
	    memcmp(entry->cert.p, der.p, der.n) == 0)
		rc = 0;
	else
		(void)err_set(e, ERR_VERIFY, "the leaf holds another "
		    "certificate");
	buf_free(&der);
	buf_free(&b);
	return rc;
}

/*
 * What the leaf says, beside what the statement says.  *named: the index that
 * it names, -1 none; that it is another one than where the log has it is the
 * log's fault, which the file shows.
 */
static int
check_leaf(struct evidence_file *f, const json_t *o, size_t i,
    struct span leaf, int64_t *named, struct err *e)
{
	static const char *const types[] = { "x509", "precert" };
	struct entry	 entry;
	const char	*type = evidence_str(o, "entry_type");

	if ((json_object_get(o, "certificate") == NULL) ==
	    (json_object_get(o, "malformed") == NULL))
		return err_set(e, ERR_FORMAT, "either `certificate` or "
		    "`malformed` must be there");
	if (entry_read(leaf, &entry, json_object_get(o, "certificate") ==
	    NULL ? NULL : e) == -1)
		return json_object_get(o, "certificate") == NULL &&
		    strcmp(type, "unknown") == 0 ? 0 : err_set(e, ERR_FORMAT,
		    "the leaf cannot be read as `entry_type` says");
	if (evidence_same(o, "timestamp", number(entry.timestamp), e) == -1 ||
	    entry.type > ENTRY_PRECERT || strcmp(type, types[entry.type]) != 0)
		return err_set(e, ERR_VERIFY, "`entry_type` is not what the "
		    "leaf says");
	*named = entry.leaf_index;
	return json_object_get(o, "certificate") == NULL ? 0 :
	    bound(f, o, i, &entry, e);
}

/* What an entry statement that holds is about. */
static void
entry_says(const struct evidence_logkey *l, uint64_t index, int64_t named,
    char *why, size_t cap)
{
	int	n = snprintf(why, cap, "the log committed to it at index %"
		    PRIu64, index);

	if (l->tiles && named != -1 && (uint64_t)named != index &&
	    n > 0 && (size_t)n < cap)
		(void)snprintf(why + n, cap - (size_t)n, ", although it names "
		    "index %" PRId64 " (static-ct-api, leaf_index)", named);
}

static enum evidence_verdict
check_entry(struct evidence_file *f, size_t i, const json_t *o, char *why,
    size_t cap, struct err *e)
{
	const struct evidence_item	*head;
	const json_t			*p;
	struct buf			 leaf = BUF_INIT, path = BUF_INIT;
	uint8_t				 hash[32], root[32];
	uint64_t			 size;
	int64_t				 named = -1;
	size_t				 log;
	int				 rc = -1;

	if (evidence_shape(o, "s type,s grade,i log,i head,?i certificate,"
	    "?s malformed,i index,i timestamp,s entry_type,b leaf,"
	    "h leaf_hash,o inclusion,?n consistency", e) == -1 ||
	    evidence_log_of(f, o, &log, e) == NULL ||
	    (head = evidence_head_of(f, i, o, "head", e)) == NULL)
		return EVIDENCE_INVALID;
	p = json_object_get(o, "inclusion");
	if (evidence_shape(p, "i tree_size,h root_hash,n path", e) == -1)
		return EVIDENCE_INVALID;
	evidence_bytes(o, "leaf", &leaf);
	evidence_join(json_object_get(p, "path"), &path);
	evidence_leaf_hash(buf_bytes(&leaf), hash);
	size = evidence_int(p, "tree_size");
	(void)enc_unhex_to(root, 32, evidence_str(p, "root_hash"));
	if (evidence_same(o, "leaf_hash", evidence_hex(hash, 32), e) == -1)
		goto out;
	if (head->log != log)
		(void)err_set(e, ERR_VERIFY, "`head` is of another log");
	else if (merkle_inclusion(hash, evidence_int(o, "index"), size,
	    (const uint8_t (*)[32])path.p, path.n / 32, root) == -1)
		(void)err_set(e, ERR_VERIFY, "the audit path does not lead "
		    "to the root (RFC 6962 2.1.1)");
	else if (evidence_onward(size, root, head,
	    json_object_get(o, "consistency"), e) == 0)
		rc = check_leaf(f, o, i, buf_bytes(&leaf), &named, e);
	f->items[i].log = log;
	if (rc == 0)
		f->items[i].type = 'e';
	entry_says(&f->logs[log], evidence_int(o, "index"), named, why, cap);
out:
	buf_free(&leaf);
	buf_free(&path);
	return rc == -1 ? EVIDENCE_INVALID : f->logs[log].known ?
	    EVIDENCE_VALID : EVIDENCE_UNCHECKED;
}

static enum evidence_verdict
check_fork(struct evidence_file *f, size_t i, const json_t *o, char *why,
    size_t cap, struct err *e)
{
	const struct evidence_item *a, *b;

	if (evidence_shape(o, "s type,s grade,i head,i other", e) == -1 ||
	    (a = evidence_head_of(f, i, o, "head", e)) == NULL ||
	    (b = evidence_head_of(f, i, o, "other", e)) == NULL)
		return EVIDENCE_INVALID;
	if (a->log != b->log || a->tree_size != b->tree_size ||
	    memcmp(a->root, b->root, 32) == 0) {
		(void)err_set(e, ERR_VERIFY, "the two heads are not of one "
		    "log and size with different roots");
		return EVIDENCE_INVALID;
	}
	(void)snprintf(why, cap, "the log signed two trees of size %" PRIu64
	    " with different roots (RFC 6962 5.4)", a->tree_size);
	return f->logs[a->log].known ? EVIDENCE_VALID : EVIDENCE_UNCHECKED;
}

/* What a log is to be asked: the URL, or -1. */
static int
ask_log(struct evidence_file *f, const json_t *o, enum evidence_ask ask,
    char *url, size_t cap, struct err *e)
{
	struct evidence_logkey	*l;
	size_t			 log;

	if (evidence_shape(o, "s type,s grade,i log,s ask,i first,i second,"
	    "s url", e) == -1 || (l = evidence_log_of(f, o, &log, e)) == NULL)
		return -1;
	return evidence_url(evidence_str(l->object, "protocol"),
	    evidence_str(l->object, "read_url"), ask, evidence_int(o, "first"),
	    evidence_int(o, "second"), url, cap) == 0 ? 0 :
	    err_set(e, ERR_FORMAT, "asks for nothing that the log can "
	    "answer");
}

/* Who else is to be asked: a statement says it. */
static int
ask_other(struct evidence_file *f, size_t i, const json_t *o,
    enum evidence_ask ask, char *url, size_t cap, struct err *e)
{
	uint64_t	of = evidence_int(o, "of");

	if (evidence_shape(o, "s type,s grade,s ask,i of,s url", e) == -1)
		return -1;
	if (of >= i || f->items[of].verdict == EVIDENCE_INVALID ||
	    evidence_url_of(json_array_get(f->statements, of), ask, url, cap)
	    == -1)
		return err_set(e, ERR_FORMAT, "`of` names no statement before "
		    "that says whom to ask");
	return 0;
}

static enum evidence_verdict
check_recheck(struct evidence_file *f, size_t i, const json_t *o, char *why,
    size_t cap, struct err *e)
{
	char	url[2048];
	int	ask, rc;

	for (ask = EVIDENCE_ASK_ENTRY; ask < EVIDENCE_ASK_MAX; ask++)
		if (strcmp(evidence_str(o, "ask"), evidence_ask_name(
		    (enum evidence_ask)ask)) == 0)
			break;
	if (ask == EVIDENCE_ASK_MAX) {
		(void)err_set(e, ERR_FORMAT, "`ask` is none that this "
		    "version knows");
		return EVIDENCE_INVALID;
	}
	rc = ask <= EVIDENCE_ASK_CONSISTENCY ?
	    ask_log(f, o, (enum evidence_ask)ask, url, sizeof(url), e) :
	    ask_other(f, i, o, (enum evidence_ask)ask, url, sizeof(url), e);
	if (rc == -1 ||
	    evidence_same(o, "url", evidence_text(url), e) == -1)
		return EVIDENCE_INVALID;
	(void)snprintf(why, cap, "ask %s", url);
	return EVIDENCE_VALID;
}

enum evidence_verdict
evidence_check(struct evidence_file *f, size_t i, const json_t *o, char *why,
    size_t cap, struct err *e)
{
	static const struct {
		const char		 *type, *grade;
		enum evidence_verdict	(*check)(struct evidence_file *,
		    size_t, const json_t *, char *, size_t, struct err *);
	} table[] = {
		{ "head", "transferable", check_head },
		{ "certificate", "transferable", check_certificate },
		{ "entry", "transferable", check_entry },
		{ "fork", "transferable", check_fork },
		{ "inconsistent", "transferable",
		  evidence_check_inconsistent },
		{ "cosigned", "transferable", evidence_check_cosigned },
		{ "flipped", "transferable", evidence_check_flipped },
		{ "sct", "transferable", evidence_check_sct },
		{ "crl", "transferable", evidence_check_crl },
		{ "crl_parts", "transferable", evidence_check_parts },
		{ "ocsp", "transferable", evidence_check_ocsp },
		{ "attested", "attested", evidence_attested },
		{ "recheck", "re-checkable", check_recheck },
	};
	size_t	k;

	for (k = 0; k < sizeof(table) / sizeof(table[0]); k++) {
		if (strcmp(evidence_str(o, "type"), table[k].type) != 0)
			continue;
		if (strcmp(evidence_str(o, "grade"), table[k].grade) != 0) {
			(void)err_set(e, ERR_FORMAT, "`grade` of `%s` is "
			    "always %s", table[k].type, table[k].grade);
			return EVIDENCE_INVALID;
		}
		return table[k].check(f, i, o, why, cap, e);
	}
	(void)err_set(e, ERR_FORMAT, "`type` is none that this version knows");
	return EVIDENCE_INVALID;
}
