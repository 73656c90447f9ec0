#include "auditor/evidence_heads.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auditor/evidence_json.h"
#include "base/clk.h"
#include "base/enc.h"
#include "ctlog/merkle.h"
#include "ctlog/witness.h"

/* What a head statement says. */
struct stated {
	uint64_t	size;
	uint8_t		root[32];
};

/*
 * The path must lead from ${root} to the larger head, and the smaller head
 * must have another root: that is all of the proof, so a path that is wrong
 * accuses nobody.
 */
static int
contradicts(const struct stated *large, const struct stated *small,
    const uint8_t root[32], struct span path, struct err *e)
{
	if (small->size == 0 || small->size >= large->size ||
	    path.n / 32 > MERKLE_PROOF ||
	    merkle_consistency(small->size, root, large->size, large->root,
	    (const uint8_t (*)[32])path.p, path.n / 32) == -1)
		return err_set(e, ERR_VERIFY, "the path does not lead from "
		    "`root_hash` to the larger head (RFC 6962 2.1.2)");
	if (memcmp(root, small->root, 32) == 0)
		return err_set(e, ERR_VERIFY, "the smaller tree is the "
		    "beginning of the larger one");
	return 0;
}

static int
stated(const json_t *o, struct stated *out)
{
	out->size = evidence_int(o, "tree_size");
	return strcmp(evidence_str(o, "type"), "head") == 0 &&
	    enc_unhex_to(out->root, 32, evidence_str(o, "root_hash")) == 0 ?
	    0 : -1;
}

int
evidence_inconsistent(struct evidence *ev,
    const struct evidence_contradiction *c, struct err *e)
{
	struct stated	 large, small;
	json_t		*o;

	if (stated(evidence_statement(ev, c->head), &large) == -1 ||
	    stated(evidence_statement(ev, c->other), &small) == -1)
		return err_set(e, ERR_FORMAT, "a contradiction is between "
		    "two heads");
	if (contradicts(&large, &small, c->root, c->path, e) == -1)
		return -1;
	o = json_object();
	json_object_set_new(o, "head", json_integer(c->head));
	json_object_set_new(o, "other", json_integer(c->other));
	json_object_set_new(o, "root_hash", evidence_hex(c->root, 32));
	json_object_set_new(o, "consistency", evidence_nodes(c->path));
	return evidence_add(ev, "inconsistent", "transferable", o, c->path.n,
	    e);
}

enum evidence_verdict
evidence_check_inconsistent(struct evidence_file *f, size_t i,
    const json_t *o, char *why, size_t cap, struct err *e)
{
	const struct evidence_item	*a, *b;
	struct stated			 large, small;
	struct buf			 path = BUF_INIT;
	uint8_t				 root[32];
	int				 rc;

	if (evidence_shape(o, "s type,s grade,i head,i other,h root_hash,"
	    "n consistency", e) == -1 ||
	    (a = evidence_head_of(f, i, o, "head", e)) == NULL ||
	    (b = evidence_head_of(f, i, o, "other", e)) == NULL)
		return EVIDENCE_INVALID;
	if (a->log != b->log) {
		(void)err_set(e, ERR_VERIFY, "the two heads are not of one "
		    "log");
		return EVIDENCE_INVALID;
	}
	large.size = a->tree_size;
	memcpy(large.root, a->root, 32);
	small.size = b->tree_size;
	memcpy(small.root, b->root, 32);
	(void)enc_unhex_to(root, 32, evidence_str(o, "root_hash"));
	evidence_join(json_object_get(o, "consistency"), &path);
	rc = contradicts(&large, &small, root, buf_bytes(&path), e);
	buf_free(&path);
	if (rc == -1)
		return EVIDENCE_INVALID;
	(void)snprintf(why, cap, "the log signed a tree of %" PRIu64 " that "
	    "is not the beginning of the one of %" PRIu64 " that it signed "
	    "(RFC 6962 2.1.2)", small.size, large.size);
	return f->logs[a->log].known ? EVIDENCE_VALID : EVIDENCE_UNCHECKED;
}

/* What a witness's line on a checkpoint says: a new object, or NULL. */
static json_t *
cosigned(const json_t *head, const char *name, const uint8_t key[32],
    struct err *e)
{
	struct witness	 w;
	struct buf	 raw = BUF_INIT;
	json_t		*o = NULL;
	uint64_t	 at = 0;
	char		 t[CLK_TEXT];

	if (head == NULL || strcmp(evidence_str(head, "form"), "checkpoint")
	    != 0 || witness_make(&w, name, key, e) == -1) {
		(void)err_set(e, ERR_FORMAT, "only a checkpoint can be "
		    "cosigned");
		return NULL;
	}
	evidence_bytes(head, "raw", &raw);
	if (witness_check(buf_bytes(&raw), &w, &at) != WITNESS_GOOD ||
	    at > (uint64_t)INT64_MAX / CLK_SEC) {
		(void)err_set(e, ERR_VERIFY, "no line of the witness on the "
		    "checkpoint is right (tlog-cosignature)");
	} else {
		o = json_object();
		json_object_set_new(o, "witness", evidence_text(name));
		json_object_set_new(o, "key", evidence_b64(key, 32));
		json_object_set_new(o, "at", json_string(clk_text(
		    (int64_t)at * CLK_SEC, t)));
	}
	buf_free(&raw);
	return o;
}

int
evidence_cosigned(struct evidence *ev, int head, const char *witness,
    const uint8_t key[32], struct err *e)
{
	json_t	*o = cosigned(evidence_statement(ev, head), witness, key, e);

	if (o == NULL)
		return -1;
	json_object_set_new(o, "head", json_integer(head));
	return evidence_add(ev, "cosigned", "transferable", o, 100, e);
}

enum evidence_verdict
evidence_check_cosigned(struct evidence_file *f, size_t i, const json_t *o,
    char *why, size_t cap, struct err *e)
{
	const struct evidence_item	*h;
	struct buf			 key = BUF_INIT;
	int				 rc = -1;

	if (evidence_shape(o, "s type,s grade,i head,s witness,b key,t at", e)
	    == -1 || (h = evidence_head_of(f, i, o, "head", e)) == NULL)
		return EVIDENCE_INVALID;
	evidence_bytes(o, "key", &key);
	if (key.n != 32)
		(void)err_set(e, ERR_FORMAT, "`key` does not have 32 bytes");
	else
		/* beside its bytes: type, grade, head */
		rc = evidence_agrees(o, cosigned(json_array_get(
		    f->statements, evidence_int(o, "head")),
		    evidence_str(o, "witness"), key.p, e), 3, e);
	buf_free(&key);
	if (rc == -1)
		return EVIDENCE_INVALID;
	(void)snprintf(why, cap, "%.100s cosigned the tree of %" PRIu64 "; "
	    "whether its key is the right one is yours to know",
	    evidence_str(o, "witness"), h->tree_size);
	return f->logs[h->log].known ? EVIDENCE_VALID : EVIDENCE_UNCHECKED;
}
