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

enum flip_shows
evidence_flip_shows(struct span leaf, uint64_t index, const struct flip *f)
{
	enum flip_shows	shows = FLIP_NOTHING;
	struct entry	a, b;
	struct buf	was = BUF_INIT;

	if (restored(leaf, f, &was) == 0 &&
	    entry_read(buf_bytes(&was), &b, NULL) == 0) {
		if (b.leaf_index != -1 && (uint64_t)b.leaf_index == index)
			shows = FLIP_INDEX;
		else if (entry_read(leaf, &a, NULL) == 0 && is_same(&a, &b))
			shows = FLIP_TWIN;
	}
	buf_free(&was);
	return shows;
}

/* Does the bit lead to what the SCT promised, and what does that show? */
static enum flip_shows
shown(const json_t *entry, const uint8_t promised[32], const struct flip *f,
    struct err *e)
{
	enum flip_shows	shows = FLIP_NOTHING;
	struct buf	leaf = BUF_INIT, was = BUF_INIT;
	uint8_t		h[32] = { 0 };

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
	shows = evidence_flip_shows(buf_bytes(&leaf), evidence_int(entry,
	    "index"), f);
	if (shows == FLIP_NOTHING)
		(void)err_set(e, ERR_VERIFY, "the leaves may be of two "
		    "certificates: time, issuer or serial differ");
	else if (shows == FLIP_TWIN &&
	    json_object_get(entry, "certificate") != NULL) {
		(void)err_set(e, ERR_VERIFY, "the leaves may be of two "
		    "certificates: this one is in the file, and signed");
		shows = FLIP_NOTHING;
	}
out:
	buf_free(&leaf);
	buf_free(&was);
	return shows;
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
	if (shown(evidence_statement(ev, entry), promised, f, e) ==
	    FLIP_NOTHING)
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
	enum flip_shows	shows;

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
	shows = shown(entry, f->items[s].root, &bit, e);
	if (shows == FLIP_NOTHING)
		return EVIDENCE_INVALID;
	(void)snprintf(why, cap, shows == FLIP_TWIN ?
	    "entry %" PRIu64 " is, but for one bit, what the log signed an "
	    "SCT for at that time; the SCT names no index: a proof that what "
	    "it promises is at another one (get-proof-by-hash) would clear "
	    "the log" :
	    "entry %" PRIu64 " is not what the log signed an SCT for at that "
	    "index: one bit was changed", evidence_int(entry, "index"));
	return f->logs[f->items[n].log].known ? EVIDENCE_VALID :
	    EVIDENCE_UNCHECKED;
}
