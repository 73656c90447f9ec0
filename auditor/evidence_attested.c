#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auditor/evidence.h"
#include "auditor/evidence_check.h"
#include "auditor/evidence_json.h"
#include "base/clk.h"
#include "base/enc.h"
#include "ctlog/jsn.h"

/* Seconds that a log's clock may be ahead of the database's. */
#define CLOCKS_DIFFER	3600

/*
 * Statements of the instance: signed texts.  What they are about must be in
 * the file, and what can be compared with it is.
 */

/* Is it the serial of a certificate or an answer, or one of a CRL? */
static int
has_serial(const json_t *o, const char *serial)
{
	const json_t	*a = json_object_get(o, "serials");
	size_t		 i;

	if (strcmp(evidence_str(o, "serial"), serial) == 0)
		return 1;
	for (i = 0; i < json_array_size(a); i++)
		if (strcmp(evidence_str(json_array_get(a, i), "serial"),
		    serial) == 0)
			return 1;
	return 0;
}

/* Is it the issuer's key, or "HEX:SERIAL" with a serial of it? */
static int
is_issuer(const json_t *o, const char *subject)
{
	const char	*key = evidence_str(o, "issuer_spki_sha256");
	size_t		 n = strlen(key);

	if (n != 64 || strncmp(subject, key, n) != 0)
		return 0;
	return subject[n] == '\0' || (subject[n] == ':' &&
	    has_serial(o, subject + n + 1));
}

/* Is that what a text is about, or the issuer's key in front of it? */
static int
is_about(const char *about, const char *subject)
{
	size_t	n = strlen(subject);

	return about != NULL && strncmp(about, subject, n) == 0 &&
	    (about[n] == '\0' || (n == 64 && about[n] == ':'));
}

/* Is the subject of a finding something in the file? */
static int
about(const struct evidence_file *f, size_t i, const char *subject)
{
	const json_t	*o;
	size_t		 k;

	for (k = 0; k < f->nlogs; k++)
		if (strcmp(evidence_str(f->logs[k].object, "log_id"), subject)
		    == 0)
			return 1;
	for (k = 0; k < i; k++) {
		o = json_array_get(f->statements, k);
		if (strcmp(evidence_str(o, "tbs_sha256"), subject) == 0 ||
		    strcmp(evidence_str(o, "leaf_hash"), subject) == 0 ||
		    strcmp(evidence_str(o, "url"), subject) == 0 ||
		    is_issuer(o, subject) ||
		    is_about(f->items[k].about, subject))
			return 1;
	}
	return 0;
}

static int
finding(struct evidence_file *f, size_t i, const json_t *o, const json_t *t,
    char *why, size_t cap, struct err *e)
{
	if (evidence_shape(t, "s type,t made_at,i id,s kind,s severity,"
	    "s state,s subject,s name,s watch,s owner,s reason,i rule,"
	    "t first_seen,t last_seen,A logs,o detail", e) == -1)
		return err_prefix(e, "`text`");
	if (json_object_size(o) != 4)
		return err_set(e, ERR_FORMAT, "a finding has no heads");
	if (!about(f, i, evidence_str(t, "subject")))
		return err_set(e, ERR_VERIFY, "the finding is about nothing "
		    "in this file");
	(void)snprintf(why, cap, "we found %s: %.400s",
	    evidence_str(t, "kind"), evidence_str(t, "reason"));
	return 0;
}

/* Is a head another one than the text names by its hash? */
static int
said_other(const json_t *t, const char *key, const struct evidence_item *head)
{
	uint8_t	sha[32];

	return enc_unhex_to(sha, 32, evidence_str(t, key)) == -1 ||
	    memcmp(sha, head->raw, 32) != 0;
}

/*
 * The result for what was read at ${at}, named ${when}, and agrees with the
 * head: 0; or 1, unchecked, also where the head was signed later, with that in
 * the place of what it shows.  Then the log's clock or ours is wrong, or what
 * was read later is said to have been read by then.
 */
static int
read_by(const struct evidence_file *f, const struct evidence_item *head,
    const char *when, int64_t at, char *why, size_t cap)
{
	if ((int64_t)(head->timestamp / 1000) > at / CLK_SEC +
	    CLOCKS_DIFFER) {
		(void)snprintf(why, cap, "`head` is younger than `%s`: it "
		    "does not show what was there by then", when);
		return 1;
	}
	return !f->logs[head->log].known;
}

/*
 * The day of a text, and where the one before it ended: the days of a log
 * follow each other, and what lies between two is said.
 */
static int
days(struct evidence_file *f, size_t i, const json_t *t, size_t log,
    struct err *e)
{
	const struct evidence_item	*b = NULL;
	int64_t				 day, at;
	char				 text[CLK_TEXT];

	if (strlen(evidence_str(t, "day")) != 10 ||
	    clk_parse(evidence_str(t, "day"), &day) == -1)
		return err_set(e, ERR_FORMAT, "`day` is no day");
	(void)clk_parse(evidence_str(t, "verified_at"), &at);
	if (strncmp(clk_text(at, text), evidence_str(t, "day"), 10) != 0)
		return err_set(e, ERR_VERIFY, "`verified_at` is on another "
		    "day than `day`");
	f->items[i].day = day / (86400 * CLK_SEC);
	f->items[i].log = log;
	f->items[i].tree_size = evidence_int(t, "size_to");
	while (i-- > 0 && b == NULL)
		if (f->items[i].day != 0 && f->items[i].log == log)
			b = &f->items[i];
	if (b == NULL)
		return 0;
	day /= 86400 * CLK_SEC;
	if (day <= b->day)
		return err_set(e, ERR_VERIFY, "the days of a log do not "
		    "follow each other");
	if (evidence_int(t, "size_from") != b->tree_size)
		return err_set(e, ERR_VERIFY, "the day begins at %" PRIu64
		    ", and the one before it ended at %" PRIu64,
		    evidence_int(t, "size_from"), b->tree_size);
	if (evidence_int(t, "gaps") != (uint64_t)(day - b->day - 1))
		return err_set(e, ERR_VERIFY, "%" PRId64 " days are missing "
		    "before it, and `gaps` says %" PRIu64, day - b->day - 1,
		    evidence_int(t, "gaps"));
	return 0;
}

/*
 * What a day and a stretch of history have in common: `head` is of this log
 * and the one of the text, and what was read agrees with it.  NULL and the
 * error.
 */
static const struct evidence_item *
proven(struct evidence_file *f, size_t i, const json_t *o, const json_t *t,
    struct err *e)
{
	const struct evidence_item	*head;
	uint8_t				 root[32];

	if ((head = evidence_head_of(f, i, o, "head", e)) == NULL)
		return NULL;
	(void)enc_unhex_to(root, 32, evidence_str(t, "root_hash"));
	if (strcmp(evidence_str(f->logs[head->log].object, "log_id"),
	    evidence_str(t, "log_id")) != 0)
		(void)err_set(e, ERR_VERIFY, "`head` is of another log");
	else if (said_other(t, "head_sha256", head))
		(void)err_set(e, ERR_VERIFY, "`head` is not the one of "
		    "`text`");
	else if (json_object_get(o, "sct") != NULL ||
	    json_object_get(o, "crl") != NULL)
		(void)err_set(e, ERR_FORMAT, "what was read has no SCT and no "
		    "CRL");
	else if (evidence_int(t, "size_from") > evidence_int(t, "size_to"))
		(void)err_set(e, ERR_VERIFY, "it ends before it begins");
	else if (evidence_onward(evidence_int(t, "size_to"), root, head,
	    json_object_get(o, "consistency"), e) == 0)
		return head;
	return NULL;
}

/* A stretch of history. */
static int
history(struct evidence_file *f, size_t i, const json_t *o, const json_t *t,
    char *why, size_t cap, struct err *e)
{
	const struct evidence_item	*head;
	uint64_t			 from, to;
	int64_t				 first, last;

	if (evidence_shape(t, "s type,t made_at,b log_id,i size_from,"
	    "i size_to,h root_hash,i ranges,t first_at,t last_at,"
	    "?h watch_set_sha256,h head_sha256", e) == -1)
		return err_prefix(e, "`text`");
	if ((head = proven(f, i, o, t, e)) == NULL)
		return -1;
	if (json_object_get(o, "before") != NULL)
		return err_set(e, ERR_FORMAT, "history has no `before`");
	from = evidence_int(t, "size_from");
	to = evidence_int(t, "size_to");
	(void)clk_parse(evidence_str(t, "first_at"), &first);
	(void)clk_parse(evidence_str(t, "last_at"), &last);
	if (from == to || first > last || evidence_int(t, "ranges") == 0 ||
	    evidence_int(t, "ranges") > to)
		return err_set(e, ERR_VERIFY, "it is no stretch that was "
		    "read");
	(void)snprintf(why, cap, "of history, entries %" PRIu64 " to %" PRIu64
	    " were read and agree with the signed head", from, to);
	return read_by(f, head, "last_at", last, why, cap);
}

/* The heads around a day of a log. */
static int
coverage(struct evidence_file *f, size_t i, const json_t *o, const json_t *t,
    char *why, size_t cap, struct err *e)
{
	const struct evidence_item	*head, *before;
	uint64_t			 from, to;
	int64_t				 at;

	if (evidence_shape(t, "s type,t made_at,b log_id,s day,i size_from,"
	    "i size_to,h root_hash,t verified_at,i max_lag_seconds,i gaps,"
	    "?h log_list_sha256,?h watch_set_sha256,h head_sha256,"
	    "?h before_sha256", e) == -1)
		return err_prefix(e, "`text`");
	if ((head = proven(f, i, o, t, e)) == NULL)
		return -1;
	from = evidence_int(t, "size_from");
	to = evidence_int(t, "size_to");
	if ((json_object_get(o, "before") == NULL) !=
	    (json_object_get(t, "before_sha256") == NULL))
		return err_set(e, ERR_VERIFY, "`before` is not the one of "
		    "`text`");
	if (json_object_get(o, "before") != NULL) {
		before = evidence_head_of(f, i, o, "before", e);
		if (before == NULL)
			return -1;
		if (said_other(t, "before_sha256", before) ||
		    before->log != head->log || before->tree_size < from)
			return err_set(e, ERR_VERIFY, "`before` is no head "
			    "of this log that covers the beginning");
	}
	if (days(f, i, t, head->log, e) == -1)
		return -1;
	(void)snprintf(why, cap, "on %s entries %" PRIu64 " to %" PRIu64
	    " were read and agree with the signed head",
	    evidence_str(t, "day"), from, to);
	(void)clk_parse(evidence_str(t, "verified_at"), &at);
	return read_by(f, head, "verified_at", at, why, cap);
}

enum evidence_verdict
evidence_attested(struct evidence_file *f, size_t i, const json_t *o,
    char *why, size_t cap, struct err *e)
{
	const char	*text = evidence_str(o, "text"), *type;
	json_t		*t;
	int		 r = -1;

	if (evidence_shape(o, "s type,s grade,s text,b signature,?i head,"
	    "?i before,?n consistency,?i sct,?i crl", e) == -1 ||
	    evidence_signed(f, text, json_object_get(o, "signature"), e)
	    == -1 || (t = jsn_object(SPAN_STR(text), "`text`", e)) == NULL)
		return EVIDENCE_INVALID;
	type = evidence_str(t, "type");
	if (strcmp(type, EVIDENCE_FINDING) == 0)
		r = finding(f, i, o, t, why, cap, e);
	else if (strcmp(type, EVIDENCE_COVERAGE) == 0)
		r = coverage(f, i, o, t, why, cap, e);
	else if (strcmp(type, EVIDENCE_HISTORY) == 0)
		r = history(f, i, o, t, why, cap, e);
	else if ((r = evidence_seen(f, i, o, t, why, cap, e)) == -2)
		r = err_set(e, ERR_FORMAT, "`text` is of a type that this "
		    "version does not know");
	json_decref(t);
	f->items[i].type = r == -1 ? 0 : 'a';
	return r == -1 ? EVIDENCE_INVALID : r == 0 ? EVIDENCE_VALID :
	    EVIDENCE_UNCHECKED;
}
