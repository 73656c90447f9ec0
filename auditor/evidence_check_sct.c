#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auditor/evidence.h"
#include "auditor/evidence_check.h"
#include "auditor/evidence_json.h"
#include "base/enc.h"

/* SCTs: judged anew with the key of their log. */

/* The certificate statement that it came with; NULL and the error. */
static const json_t *
certificate_of(struct evidence_file *f, size_t i, const json_t *o,
    struct err *e)
{
	uint64_t	c = evidence_int(o, "certificate");

	if (c < i && f->items[c].type == 'c')
		return json_array_get(f->statements, c);
	(void)err_set(e, ERR_FORMAT, "`certificate` names none that was "
	    "stated before and holds");
	return NULL;
}

/* Is it of this log, if it is of one? */
static int
of_log(const struct evidence_logkey *l, const json_t *o, struct err *e)
{
	const json_t	*id = json_object_get(o, "log_id");

	if (l == NULL || id == NULL || json_equal(id,
	    json_object_get(l->object, "log_id")))
		return 0;
	return err_set(e, ERR_VERIFY, "`log` is another than signed it");
}

static enum evidence_verdict
verdict(struct evidence_file *f, size_t i, const json_t *o,
    const struct evidence_logkey *l, char *why, size_t cap)
{
	const char		*result = evidence_str(o, "result");
	struct evidence_item	*it = &f->items[i];

	it->timestamp = evidence_int(o, "timestamp");
	if (strcmp(result, "malformed") == 0) {
		(void)snprintf(why, cap, "it is no SCT of version 1 "
		    "(RFC 6962 3.2)");
		return EVIDENCE_VALID;
	}
	if (l == NULL) {
		(void)snprintf(why, cap, "the file has no key for its log");
		return EVIDENCE_UNCHECKED;
	}
	if (strcmp(result, "unchecked") == 0) {
		(void)snprintf(why, cap, "the issuer's certificate is not in "
		    "the file");
		return EVIDENCE_UNCHECKED;
	}
	if (strcmp(result, "valid") == 0) {
		it->type = 's';
		(void)enc_unhex_to(it->root, 32, evidence_str(o,
		    "leaf_hash"));
		(void)snprintf(why, cap, "the log promised at %" PRIu64
		    " to take it in", it->timestamp);
	} else
		(void)snprintf(why, cap, "its signature is not by the log's "
		    "key");
	return l->known ? EVIDENCE_VALID : EVIDENCE_UNCHECKED;
}

enum evidence_verdict
evidence_check_sct(struct evidence_file *f, size_t i, const json_t *o,
    char *why, size_t cap, struct err *e)
{
	struct evidence_logkey	*l = NULL;
	const json_t		*cert;
	struct buf		 raw = BUF_INIT;
	struct span		 key = { NULL, 0 };
	size_t			 more = 3;	/* type, grade, certificate */
	int			 rc = -1;

	if (evidence_shape(o, "s type,s grade,?i log,i certificate,s source,"
	    "b raw,s result,?b log_id,?i timestamp,?h leaf_hash", e) == -1 ||
	    (cert = certificate_of(f, i, o, e)) == NULL)
		return EVIDENCE_INVALID;
	if (json_object_get(o, "log") != NULL) {
		l = evidence_log_of(f, o, &f->items[i].log, e);
		if (l == NULL || of_log(l, o, e) == -1)
			return EVIDENCE_INVALID;
		key = buf_bytes(&l->key);
		more++;
	}
	evidence_bytes(o, "raw", &raw);
	rc = evidence_agrees(o, evidence_describe_sct(cert, evidence_str(o,
	    "source"), buf_bytes(&raw), key, e), more, e);
	buf_free(&raw);
	return rc == -1 ? EVIDENCE_INVALID : verdict(f, i, o, l, why, cap);
}
