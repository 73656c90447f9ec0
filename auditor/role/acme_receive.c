#include "auditor/role/acme_receive.h"

#include <stdlib.h>
#include <string.h>

#include "acme/ari.h"
#include "acme/san.h"
#include "auditor/db/loop_store.h"
#include "auditor/deploy.h"
#include "auditor/role/acme_verify.h"
#include "base/buf.h"
#include "base/clk.h"
#include "base/mem.h"
#include "base/sha.h"

/* What came from the CA: is it what was ordered, and then where it is served. */

static int
look_at(const struct acme_got *r, struct got *g, struct err *e)
{
	struct got_want	 w;
	struct san	 names = SAN_INIT;
	int		 rc = -1;

	memset(&w, 0, sizeof(w));
	memcpy(w.spki_sha256, r->row->spki, 32);
	w.names = &names;
	w.now = clk_wall();
	if (san_of(r->o->want.names.v, r->o->want.names.n, &names, e) == 0)
		rc = acme_verify(r->o, r->pem, &w, g, e);
	san_free(&names);
	if (rc == -1)
		return err_prefix(e, "what the CA sent is not deployed");
	if (r->o->conf->acme_no_ct)
		return 0;
	if (g->n < 2)
		return err_set(e, ERR_VERIFY, "what the CA sent is not "
		    "deployed: no issuer came with it, and browsers need its "
		    "certificate");
	if (!g->has_scts)
		return err_set(e, ERR_VERIFY, "what the CA sent is not "
		    "deployed: it has no SCTs, and browsers refuse it; write "
		    "acme: {ct: false} for a CA that does not log");
	if (!g->has_crldp && !g->short_lived)
		return err_set(e, ERR_VERIFY, "what the CA sent is not "
		    "deployed: it says no CRL that would tell of its "
		    "revocation");
	return 0;
}

static int
put_files(const struct acme_got *r, const struct got *g, struct deploy *d,
    struct err *e)
{
	const struct sign_deploy	key = { 0600, UINT32_MAX, UINT32_MAX };
	struct buf			full = BUF_INIT, chain = BUF_INIT;
	struct sign_client		*s = acme_talk_sign(r->o->talk);
	struct span			leaf;
	int				rc = -1, ours = r->o->csr == NULL;

	if (ours && sign_client_deploy_post(s, r->row->key_id, d->version,
	    &key, e) == -1)
		return -1;
	got_pem(g, 0, &full);
	got_pem(g, 1, &chain);
	leaf = (struct span){ full.p, full.n - chain.n };
	/* both processes wait for the disk, at the same time */
	if (deploy_file(d, "cert.pem", leaf, 0, e) == 0 &&
	    deploy_file(d, "chain.pem", buf_bytes(&chain), 0, e) == 0 &&
	    deploy_file(d, "fullchain.pem", buf_bytes(&full), 0, e) == 0)
		rc = 0;
	if (ours && sign_client_deploy_answer(s, rc == 0 ? e : NULL) == -1)
		rc = -1;
	buf_free(&full);
	buf_free(&chain);
	return rc;
}

/* From now on the logs must show it. */
static int
received(const struct acme_got *r, const struct got *g, struct err *e)
{
	struct loop_got	l;

	memset(&l, 0, sizeof(l));
	l.order = r->row->id;
	l.names = r->o->want.names;
	l.serial = g->leaf.serial;
	l.not_after = g->leaf.not_after;
	l.tbs = (struct span){ g->leaf.tbs_sha256, 32 };
	l.der = buf_bytes(&g->der[0]);
	return loop_received(r->o->db, &l, e);
}

/* The hash of the key that signed it; none when only the leaf came. */
static struct span
issuer_of(const struct got *g, struct cert *c)
{
	if (g->n < 2 || cert_read(buf_bytes(&g->der[1]), c, NULL) == -1)
		return (struct span){ NULL, 0 };
	return (struct span){ c->spki_sha256, 32 };
}

/* The folder, then the database: a death between is made good by the next. */
static int
deploy(const struct acme_got *r, const struct got *g, char **where, struct err *e)
{
	struct acme_order	*o = r->o;
	struct deploy		 d;
	struct managed_got	 m;
	struct cert		 issuer;
	struct buf		 dir = BUF_INIT, id = BUF_INIT;
	char			 name[272];
	uint8_t			 sha[32];
	int			 rc = -1;

	/* who slept meanwhile replaces nothing that another has put there */
	if (deploy_name(o->want.name, name, sizeof(name), e) == -1 ||
	    order_check(o->db, r->row, e) == -1)
		return -1;
	if (o->conf->deploy_dir != NULL)
		buf_str(&dir, o->conf->deploy_dir);
	else
		buf_fmt(&dir, "%s/live", o->conf->state_dir);
	if (deploy_begin(&d, buf_text(&dir), name, clk_wall(), e) == 0 &&
	    put_files(r, g, &d, e) == 0 && deploy_commit(&d, e) == 0)
		rc = 0;
	deploy_end(&d);
	buf_fmt(&dir, "/%s", name);
	if (rc == 0) {
		sha_256(sha, g->der[0].p, g->der[0].n);
		memset(&m, 0, sizeof(m));
		memset(&issuer, 0, sizeof(issuer));
		m.key_id = o->csr == NULL ? r->row->key_id : NULL;
		m.cert = (struct span){ sha, 32 };
		m.tbs = (struct span){ g->leaf.tbs_sha256, 32 };
		m.issuer_spki = issuer_of(g, &issuer);
		m.serial = g->leaf.serial;
		m.not_before = g->leaf.not_before;
		m.not_after = g->leaf.not_after;
		m.deployed_to = buf_text(&dir);
		m.hook = o->conf->deploy_hook != NULL;
		m.ari_id = ari_id(buf_bytes(&g->der[0]), &id, NULL) == 0 ?
		    buf_text(&id) : NULL;
		rc = db_begin(o->db, e);
		if (rc == 0 && (order_check(o->db, r->row, e) == -1 ||
		    managed_issued(o->db, o->managed, &m, e) == -1
		    || received(r, g, e) == -1 ||
		    order_end(o->db, r->row->id, "", e) == -1 ||
		    acme_order_mended(o, e) == -1 || db_commit(o->db, e) == -1)) {
			db_rollback(o->db);
			rc = -1;
		}
		cert_free(&issuer);
	}
	*where = mem_str(buf_text(&dir));
	buf_free(&dir);
	buf_free(&id);
	return rc;
}

int
acme_receive(const struct acme_got *r, struct acme_order_result *out,
    struct err *e)
{
	return look_at(r, &out->got, e) == -1 ? -1 :
	    deploy(r, &out->got, &out->dir, e);
}
