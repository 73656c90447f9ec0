#include "auditor/evidence_flip.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auditor/evidence_json.h"
#include "base/enc.h"
#include "base/limit.h"
#include "ctlog/entry.h"
#include "pki/cert.h"

/* The leaf with the bit as it was. */
static int
restored(struct span leaf, const struct flip *f, struct buf *out)
{
	if (f->at >= leaf.n || f->mask == 0 ||
	    (f->mask & (f->mask - 1)) != 0)
		return -1;
	buf_span(out, leaf);
	out->p[f->at] ^= f->mask;
	return 0;
}

/* Serial of what a leaf holds; -1 when it cannot be read. */
static int
serial_of(const struct entry *e, char out[130])
{
	struct cert	c;
	int		rc;

	rc = e->type == ENTRY_PRECERT ? cert_read_tbs(e->cert, &c, NULL) :
	    cert_read(e->cert, &c, NULL);
	if (rc == 0)
		(void)snprintf(out, 130, "%s", c.serial);
	cert_free(&c);
	return rc;
}

/* Would both be of one certificate, had nobody changed it? */
static int
is_same(const struct entry *a, const struct entry *b)
{
	char	x[130], y[130];

	/* what cannot be read, no honest CA has signed */
	return a->type == b->type && a->timestamp == b->timestamp &&
	    memcmp(a->issuer_key_hash, b->issuer_key_hash, 32) == 0 &&
	    serial_of(b, y) == 0 &&
	    (serial_of(a, x) == -1 || strcmp(x, y) == 0);
}

const char *
evidence_flip_grade(struct span leaf, uint64_t index, const struct flip *f)
{
	const char	*grade = NULL;
	struct entry	 a, b;
	struct buf	 was = BUF_INIT;

	if (restored(leaf, f, &was) == 0 &&
	    entry_read(buf_bytes(&was), &b, NULL) == 0) {
		if (b.leaf_index != -1 && (uint64_t)b.leaf_index == index)
			grade = "transferable";
		else if (entry_read(leaf, &a, NULL) == 0 && is_same(&a, &b))
			grade = "attested";
	}
	buf_free(&was);
	return grade;
}

/* Does the bit lead to what the SCT promised?  The grade; NULL. */
static const char *
shows(const json_t *entry, const uint8_t promised[32], const struct flip *f,
    struct err *e)
{
	const char	*grade = NULL;
	struct buf	 leaf = BUF_INIT, was = BUF_INIT;
	uint8_t		 h[32] = { 0 };

	evidence_bytes(entry, "leaf", &leaf);
	if (restored(buf_bytes(&leaf), f, &was) == -1) {
		(void)err_set(e, ERR_FORMAT, "`at` and `mask` name no bit of "
		    "the leaf");
		goto out;
	}
	evidence_leaf_hash(buf_bytes(&was), h);
	if (memcmp(h, promised, 32) != 0) {
		(void)err_set(e, ERR_VERIFY, "with the bit changed it is not "
		    "the leaf that the SCT promises");
		goto out;
	}
	grade = evidence_flip_grade(buf_bytes(&leaf), evidence_int(entry,
	    "index"), f);
	if (grade == NULL)
		(void)err_set(e, ERR_VERIFY, "the leaves may be of two "
		    "certificates: time, issuer or serial differ");
	else if (strcmp(grade, "attested") == 0 &&
	    json_object_get(entry, "certificate") != NULL) {
		(void)err_set(e, ERR_VERIFY, "the leaves may be of two "
		    "certificates: this one is in the file, and signed");
		grade = NULL;
	}
out:
	buf_free(&leaf);
	buf_free(&was);
	return grade;
}

int
evidence_flipped(struct evidence *ev, int sct, int entry,
    const struct flip *f, struct err *e)
{
	const json_t	*s = evidence_statement(ev, sct);
	const char	*grade;
	uint8_t		 promised[32];
	json_t		*o;

	if (strcmp(evidence_str(s, "result"), "valid") != 0 ||
	    enc_unhex_to(promised, 32, evidence_str(s, "leaf_hash")) == -1)
		return err_set(e, ERR_VERIFY, "only an SCT that is valid "
		    "promises something");
	grade = shows(evidence_statement(ev, entry), promised, f, e);
	if (grade == NULL)
		return -1;
	o = json_object();
	json_object_set_new(o, "sct", json_integer(sct));
	json_object_set_new(o, "entry", json_integer(entry));
	json_object_set_new(o, "at", json_integer((json_int_t)f->at));
	json_object_set_new(o, "mask", json_integer(f->mask));
	return evidence_add(ev, "flipped", grade, o, 0, e);
}

enum evidence_verdict
evidence_check_flipped(struct evidence_file *f, size_t i, const json_t *o,
    char *why, size_t cap, struct err *e)
{
	uint64_t	s = evidence_int(o, "sct"),
			n = evidence_int(o, "entry"),
			mask = evidence_int(o, "mask");
	struct flip	bit = { (size_t)evidence_int(o, "at"), 0 };
	const json_t	*entry;
	const char	*grade;

	if (evidence_shape(o, "s type,s grade,i sct,i entry,i at,i mask", e)
	    == -1)
		return EVIDENCE_INVALID;
	if (s >= i || f->items[s].type != 's' || n >= i ||
	    f->items[n].type != 'e' || f->items[s].log != f->items[n].log) {
		(void)err_set(e, ERR_FORMAT, "`sct` and `entry` name no right "
		    "SCT and entry of one log, stated before");
		return EVIDENCE_INVALID;
	}
	bit.mask = mask > 255 ? 0 : (uint8_t)mask;
	entry = json_array_get(f->statements, (size_t)n);
	grade = shows(entry, f->items[s].root, &bit, e);
	if (grade == NULL)
		return EVIDENCE_INVALID;
	if (strcmp(evidence_str(o, "grade"), grade) != 0) {
		(void)err_set(e, ERR_VERIFY, "`grade` must be %s, by whether "
		    "the SCT names the index", grade);
		return EVIDENCE_INVALID;
	}
	(void)snprintf(why, cap, strcmp(grade, "attested") == 0 ?
	    "entry %" PRIu64 " is, but for one bit, what the log signed an "
	    "SCT for at that time; the SCT names no index: that the log did "
	    "not take in both is said by the instance alone" :
	    "entry %" PRIu64 " is not what the log signed an SCT for at that "
	    "index: one bit was changed", evidence_int(entry, "index"));
	return f->logs[f->items[n].log].known ? EVIDENCE_VALID :
	    EVIDENCE_UNCHECKED;
}
