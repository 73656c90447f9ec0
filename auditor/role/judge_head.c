#include "auditor/role/judge.h"

#include <string.h>

#include "auditor/role/judge_gossip.h"
#include "base/limit.h"
#include "base/sha.h"
#include "ctlog/entry.h"
#include "ctlog/note.h"
#include "ctlog/rfc6962.h"
#include "ctlog/sth.h"
#include "pki/cert.h"
#include "pki/der.h"

/* Heads, proofs, issuers and log lists. */

int
judge_do_head(struct judge *j, struct cur *c, uint64_t id, struct err *e)
{
	struct judge_ext	x;
	struct judge_head	h;
	struct sth		sth;
	struct span		body, key = buf_bytes(&j->key);

	if (judge_ext_read(c, &x) == -1)
		return err_set(e, ERR_FORMAT, "bad request");
	if (judge_body(j, &x, LIMIT_BODY_HEAD, &body, e) == -1)
		return -1;
	/* the body may change: what is verified is what is reported */
	buf_reset(&j->scratch);
	buf_span(&j->scratch, body);
	body = buf_bytes(&j->scratch);
	if (j->protocol == LOGLIST_STATIC) {
		if (note_read(body, j->origin, key, &sth, e) == -1)
			return -1;
	} else if (sth_read_json(body, &sth, e) == -1 ||
	    sth_verify(&sth, key, e) == -1)
		return -1;
	h.tree_size = sth.tree_size;
	h.timestamp_ms = sth.timestamp;
	memcpy(h.root, sth.root, 32);
	judge_ok(j, id);
	judge_head_pack(&j->out, &h);
	buf_vec32(&j->out, body.p, body.n);
	judge_cosigned(j, j->protocol == LOGLIST_STATIC ? body :
	    (struct span){ NULL, 0 });
	return 0;
}

/* The fetched hash tiles of a message. */
static int
tiles_load(struct judge *j, const struct judge_proof *p,
    struct tile_hash *tiles, struct err *e)
{
	size_t	i, at;

	buf_reset(&j->scratch);
	for (i = 0; i < p->n; i++) {
		struct span	body;

		if (judge_body(j, &p->ext[i], LIMIT_BODY_HASH_TILE, &body, e)
		    == -1)
			return -1;
		tiles[i].level = p->tile[i].level;
		tiles[i].index = p->tile[i].index;
		tiles[i].width = p->tile[i].width;
		tiles[i].bytes.n = body.n;
		buf_span(&j->scratch, body);
	}
	for (i = 0, at = 0; i < p->n; i++) {
		tiles[i].bytes.p = j->scratch.p + at;
		at += tiles[i].bytes.n;
		if (tile_check(&tiles[i], e) == -1)
			return -1;
	}
	return 0;
}

/* The body of a proof that came as JSON. */
static int
json_load(struct judge *j, const struct judge_proof *p, struct span *body,
    struct err *e)
{
	if (p->n != 1)
		return err_set(e, ERR_FORMAT, "bad request");
	if (judge_body(j, &p->ext[0], LIMIT_BODY_HEAD, body, e) == -1)
		return -1;
	buf_reset(&j->scratch);
	buf_span(&j->scratch, *body);
	*body = buf_bytes(&j->scratch);
	return 0;
}

/*
 * The trees do not fit.  Where the path is right for the new root, it shows
 * what the old one should be: that goes behind the refusal, as evidence.
 */
static int
inconsistent(struct judge *j, const struct judge_proof *p,
    const struct rfc6962_proof *proof, uint64_t id, struct err *e)
{
	struct judge_reply	r = { id, 0, ERR_VERIFY, e->msg };
	uint8_t			old[32];

	(void)err_set(e, ERR_VERIFY, "the tree of %llu is not an extension "
	    "of that of %llu (RFC 6962 2.1.2)", (unsigned long long)p->size2,
	    (unsigned long long)p->size1);
	if (merkle_consistency_old(p->size1, p->size2, p->root2,
	    (const uint8_t (*)[32])proof->path, proof->n, old) == -1)
		return -1;
	buf_reset(&j->out);
	judge_reply_pack(&j->out, &r);
	buf_add(&j->out, old, 32);
	buf_vec32(&j->out, proof->path, proof->n * 32);
	return 0;
}

static int
consistency(struct judge *j, const struct judge_proof *p, uint64_t id,
    struct err *e)
{
	static struct tile_hash	 tiles[TILE_SET_MAX];
	struct rfc6962_proof	 proof;
	struct span		 body;
	int			 n;

	memset(&proof, 0, sizeof(proof));
	if (p->tiles) {
		if (tiles_load(j, p, tiles, e) == -1)
			return -1;
		n = tile_consistency(tiles, p->n, p->size1, p->size2,
		    proof.path);
		if (n == -1)
			return err_set(e, ERR_FORMAT, "a tile is missing");
		proof.n = (size_t)n;
	} else if (json_load(j, p, &body, e) == -1 ||
	    rfc6962_read_consistency(body, &proof, e) == -1)
		return -1;
	if (merkle_consistency(p->size1, p->root1, p->size2, p->root2,
	    (const uint8_t (*)[32])proof.path, proof.n) == -1)
		return inconsistent(j, p, &proof, id, e);
	judge_ok(j, id);
	buf_vec32(&j->out, proof.path, proof.n * 32);
	return 0;
}

static int
start(struct judge *j, const struct judge_proof *p, uint64_t id,
    struct err *e)
{
	static struct tile_hash	 tiles[TILE_SET_MAX];
	struct rfc6962_proof	 proof;
	struct merkle_range	 r;
	struct span		 body;
	uint8_t			 root[32];

	if (p->tiles) {
		if (tiles_load(j, p, tiles, e) == -1)
			return -1;
		if (tile_range(tiles, p->n, 0, p->size2, &r) == -1)
			return err_set(e, ERR_FORMAT, "a tile is missing");
	} else {
		memset(&proof, 0, sizeof(proof));
		if (json_load(j, p, &body, e) == -1 ||
		    rfc6962_read_inclusion(body, &proof, e) == -1)
			return -1;
		if (merkle_frontier_from_path(p->root1, p->size2,
		    (const uint8_t (*)[32])proof.path, proof.n, &r) == -1)
			return err_set(e, ERR_VERIFY, "the audit path of the "
			    "last entry has a wrong length (RFC 6962 2.1.1)");
	}
	if (merkle_root(&r, root, NULL, 0) == -1 ||
	    memcmp(root, p->root2, 32) != 0)
		return err_set(e, ERR_VERIFY, "the right edge of the tree of "
		    "%llu does not give the signed root",
		    (unsigned long long)p->size2);
	judge_ok(j, id);
	merkle_put(&j->out, &r);
	return 0;
}

/*
 * Where a range of history begins.  Out of tiles it is what the log says: the
 * root at the range's end, which is made of it, will tell.
 */
static int
edge(struct judge *j, const struct judge_proof *p, uint64_t id, struct err *e)
{
	static struct tile_hash	 tiles[TILE_SET_MAX];
	struct rfc6962_proof	 proof;
	struct merkle_range	 r;
	struct span		 body;
	uint8_t			 root[32];

	if (p->tiles) {
		if (tiles_load(j, p, tiles, e) == -1)
			return -1;
		if (tile_range(tiles, p->n, 0, p->size1, &r) == -1)
			return err_set(e, ERR_FORMAT, "a tile is missing");
	} else {
		memset(&proof, 0, sizeof(proof));
		if (json_load(j, p, &body, e) == -1 ||
		    rfc6962_read_consistency(body, &proof, e) == -1)
			return -1;
		if (merkle_frontier_from_consistency(p->size1, p->size2,
		    (const uint8_t (*)[32])proof.path, proof.n, &r) == -1 ||
		    merkle_root(&r, root, NULL, 0) == -1 ||
		    merkle_consistency(p->size1, root, p->size2, p->root2,
		    (const uint8_t (*)[32])proof.path, proof.n) == -1)
			return err_set(e, ERR_VERIFY, "the proof does not "
			    "show what the tree of %llu is made of up to %llu "
			    "(RFC 6962 2.1.2)", (unsigned long long)p->size2,
			    (unsigned long long)p->size1);
	}
	judge_ok(j, id);
	merkle_put(&j->out, &r);
	return 0;
}

int
judge_do_proof(struct judge *j, struct cur *c, uint64_t id, struct err *e)
{
	static struct judge_proof	p;

	memset(&p, 0, sizeof(p));
	if (judge_proof_read(c, &p) == -1)
		return err_set(e, ERR_FORMAT, "bad request");
	return p.kind == JUDGE_START ? start(j, &p, id, e) :
	    p.kind == JUDGE_EDGE ? edge(j, &p, id, e) :
	    consistency(j, &p, id, e);
}

int
judge_do_issuer(struct judge *j, struct cur *c, uint64_t id, struct err *e)
{
	struct judge_ext	x;
	struct span		body, tbs;
	struct der_tbs		t;
	uint8_t			want[32], have[32], key[32];

	if (judge_ext_read(c, &x) == -1 || cur_copy(c, want, 32) == -1)
		return err_set(e, ERR_FORMAT, "bad request");
	if (judge_body(j, &x, LIMIT_BODY_ISSUER, &body, e) == -1)
		return -1;
	buf_reset(&j->scratch);
	buf_span(&j->scratch, body);
	body = buf_bytes(&j->scratch);
	sha_256(have, body.p, body.n);
	if (memcmp(have, want, 32) != 0)
		return err_set(e, ERR_VERIFY, "issuer does not hash to its "
		    "name (static-ct-api, Issuers)");
	if (der_cert(body, &tbs, NULL, NULL, e) == -1 ||
	    der_tbs(tbs, &t, e) == -1)
		return -1;
	sha_256(key, t.spki.p, t.spki.n);
	judge_ok(j, id);
	buf_add(&j->out, key, 32);
	buf_vec32(&j->out, body.p, body.n);
	return 0;
}

int
judge_do_signed(struct judge *j, struct cur *c, uint64_t id, struct err *e)
{
	struct err	why = ERR_INIT;
	struct cur	cert, issuer, leaf;
	struct entry	entry;
	struct span	up;
	int		r;

	if (cur_vec32(c, &cert) == -1 || cur_vec32(c, &issuer) == -1 ||
	    cur_vec32(c, &leaf) == -1 ||
	    entry_read(cur_rest(&leaf), &entry, e) == -1)
		return err_set(e, ERR_FORMAT, "bad request");
	up = cur_rest(&issuer);
	if (entry.type == ENTRY_PRECERT && cert_binds(cur_rest(&cert),
	    entry.cert, &up, 1, entry.issuer_key_hash, &why) == -1)
		r = 0;
	else
		r = cert_signed_by(cur_rest(&cert), up, &why);
	judge_ok(j, id);
	buf_u8(&j->out, (uint8_t)(r + 1));
	judge_str_pack(&j->out, why.msg);
	return 0;
}

int
judge_do_list(struct judge *j, struct cur *c, uint64_t id, struct err *e)
{
	struct judge_list	 l;
	struct loglist		*list = NULL;
	struct span		 json, sig;
	size_t			 n;

	if (judge_list_read(c, &l) == -1)
		return err_set(e, ERR_FORMAT, "bad request");
	if (judge_body(j, &l.json, LIMIT_BODY_LOGLIST, &json, e) == -1)
		return -1;
	buf_reset(&j->scratch);
	buf_span(&j->scratch, json);
	n = j->scratch.n;
	if (l.check) {
		if (judge_body(j, &l.sig, LIMIT_BODY_HEAD, &sig, e) == -1)
			return -1;
		buf_span(&j->scratch, sig);
		json.p = j->scratch.p;
		json.n = n;
		sig.p = j->scratch.p + n;
		sig.n = j->scratch.n - n;
		if (l.pem.n == 0)
			l.pem.p = NULL;
		if (loglist_verify(json, sig, l.pem, e) == -1)
			return -1;
	}
	json.p = j->scratch.p;
	json.n = n;
	if (loglist_read(json, &list, e) == -1)
		return -1;
	judge_ok(j, id);
	judge_loglist_pack(&j->out, list);
	buf_vec32(&j->out, json.p, json.n);
	loglist_free(list);
	return 0;
}
