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

int
evidence_flip_same(struct span leaf, const struct flip *f)
{
	struct entry	a, b;
	struct buf	was = BUF_INIT;
	char		x[130], y[130];
	int		same = 0;

	if (restored(leaf, f, &was) == 0 && entry_read(leaf, &a, NULL) == 0 &&
	    entry_read(buf_bytes(&was), &b, NULL) == 0 &&
	    a.type == b.type && a.timestamp == b.timestamp &&
	    memcmp(a.issuer_key_hash, b.issuer_key_hash, 32) == 0 &&
	    serial_of(&b, y) == 0)
		/* what cannot be read, no CA has signed */
		same = serial_of(&a, x) == -1 || strcmp(x, y) == 0;
	buf_free(&was);
	return same;
}

/* Does the bit lead to what the SCT promised? */
static int
shows(const json_t *entry, const uint8_t promised[32], const struct flip *f,
    struct err *e)
{
	struct buf	leaf = BUF_INIT, was = BUF_INIT;
	uint8_t		h[32] = { 0 };
	int		rc = 0;

	evidence_bytes(entry, "leaf", &leaf);
	if (restored(buf_bytes(&leaf), f, &was) == -1)
		rc = err_set(e, ERR_FORMAT, "`at` and `mask` name no bit of "
		    "the leaf");
	else
		evidence_leaf_hash(buf_bytes(&was), h);
	if (rc == 0 && memcmp(h, promised, 32) != 0)
		rc = err_set(e, ERR_VERIFY, "with the bit changed it is not "
		    "the leaf that the SCT promises");
	if (rc == 0 && !evidence_flip_same(buf_bytes(&leaf), f))
		rc = err_set(e, ERR_VERIFY, "the leaves may be of two "
		    "certificates: time, issuer or serial differ");
	buf_free(&leaf);
	buf_free(&was);
	return rc;
}

int
evidence_flipped(struct evidence *ev, int sct, int entry,
    const struct flip *f, struct err *e)
{
	const json_t	*s = evidence_statement(ev, sct);
	uint8_t		 promised[32];
	json_t		*o;

	if (strcmp(evidence_str(s, "result"), "valid") != 0 ||
	    enc_unhex_to(promised, 32, evidence_str(s, "leaf_hash")) == -1)
		return err_set(e, ERR_VERIFY, "only an SCT that is valid "
		    "promises something");
	if (shows(evidence_statement(ev, entry), promised, f, e) == -1)
		return -1;
	o = json_object();
	json_object_set_new(o, "sct", json_integer(sct));
	json_object_set_new(o, "entry", json_integer(entry));
	json_object_set_new(o, "at", json_integer((json_int_t)f->at));
	json_object_set_new(o, "mask", json_integer(f->mask));
	return evidence_add(ev, "flipped", "transferable", o, 0, e);
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
	if (shows(entry, f->items[s].root, &bit, e) == -1)
		return EVIDENCE_INVALID;
	(void)snprintf(why, cap, "entry %" PRIu64 " is not what the log signed "
	    "an SCT for at that time: one bit was changed",
	    evidence_int(entry, "index"));
	return f->logs[f->items[n].log].known ? EVIDENCE_VALID :
	    EVIDENCE_UNCHECKED;
}
