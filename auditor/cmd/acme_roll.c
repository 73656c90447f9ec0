#include "auditor/cmd/acme.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "acme/account.h"
#include "acme/pkey.h"
#include "acme/problem.h"
#include "base/clk.h"
#include "base/mem.h"

/*
 * A new key for the account.  The sign process keeps both until the CA has
 * said which one it knows, so that no moment of death locks us out:
 *
 *	next key made, not sent		the CA knows the old one: used again
 *	sent, answer lost		asked by the next key (newAccount,
 *					onlyReturnExisting), then taken over
 *	taken over, not in the table	the thumbprints differ: written
 */

/*
 * One rollover at a time: another one would take the CA's answer for an old
 * truth.  A file rather than a transaction, which a slow CA would outlast.
 */
static int
lock(struct cmd_ctx *ctx, struct err *e)
{
	char	*path = mem_printf("%s/account.lock", ctx->conf->state_dir);
	int	 fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		    0600);

	if (fd == -1 || flock(fd, LOCK_EX) == -1) {
		(void)err_set(e, ERR_SYS, "%s", path);
		if (fd != -1)
			(void)close(fd);
		fd = -1;
	}
	free(path);
	return fd;
}

/* Is this key (${next}: the next one) that of our account?  1, 0, -1. */
static int
knows(struct acme_talk *t, const struct acme_account_row *a, int next,
    struct err *e)
{
	struct account_want	 w;
	struct account_ask	 ask = { acme_talk_pin(t), NULL, clk_wall() };
	struct acme_ask		 q = { ACME_ACCOUNT_NEW,
				    acme_talk_dir(t)->new_account, NULL, 0 };
	struct account		 got;
	struct acme_reply	 r;
	struct problem		 p;
	struct err		 why = ERR_INIT;
	char			*payload;
	int			 rc;

	memset(&w, 0, sizeof(w));
	w.only_existing = 1;
	if ((payload = account_new(&w, e)) == NULL)
		return -1;
	q.payload = payload;
	acme_talk_next(t, next);
	rc = acme_talk_call(t, &q, "", &r, e);
	acme_talk_next(t, 0);
	if (rc == 0) {
		memset(&p, 0, sizeof(p));
		if (account_read(&got, &r, &ask, &p, &why) == 0)
			rc = strcmp(got.url, a->url) == 0;
		else if (p.type != PROBLEM_ACCOUNT_UNKNOWN)
			rc = err_set(e, why.code, "%s", why.msg);
		account_free(&got);
		problem_free(&p);
	}
	free(payload);
	return rc;
}

/* The table has the thumbprint of the key in use. */
static int
note(struct cmd_ctx *ctx, struct acme_account_row *a, const char *thumbprint,
    struct err *e)
{
	if (db_begin(ctx->db, e) == -1 ||
	    acme_account_rolled(ctx->db, a->id, thumbprint, e) == -1 ||
	    cmd_audit(ctx, "account.rollover", json_pack("{ss ss}", "account",
	    a->url, "thumbprint", thumbprint), e) == -1 ||
	    db_commit(ctx->db, e) == -1) {
		db_rollback(ctx->db);
		return -1;
	}
	free(a->thumbprint);
	a->thumbprint = mem_str(thumbprint);
	return 0;
}

/* The next key is the key now. */
static int
take_over(struct cmd_ctx *ctx, struct acme_talk *t,
    struct acme_account_row *a, struct err *e)
{
	struct sign_account	k = SIGN_ACCOUNT_INIT;
	int			rc;

	rc = acme_talk_rolled(t, 1, e);
	if (rc == 0)
		rc = sign_client_account(acme_talk_sign(t), a->key_id, NULL,
		    &k, e);
	if (rc == 0)
		rc = note(ctx, a, k.thumbprint[0], e);
	sign_account_free(&k);
	return rc;
}

/* As acme_settle(), by who has the lock. */
static int
settle(struct cmd_ctx *ctx, struct acme_talk *t, struct acme_account_row *a,
    struct err *e)
{
	struct sign_account	k = SIGN_ACCOUNT_INIT;
	int			rc;

	rc = sign_client_account(acme_talk_sign(t), a->key_id, NULL, &k, e);
	if (rc == 0 && (k.have & SIGN_HAS_NEXT) != 0 &&
	    (rc = knows(t, a, 1, e)) == 1)
		rc = take_over(ctx, t, a, e) == 0 ? 1 : -1;
	else if (rc == 0 && strcmp(k.thumbprint[0], a->thumbprint) != 0) {
		rc = knows(t, a, 0, e);
		if (rc == 0)
			rc = err_set(e, ERR_VERIFY, "the account's key in %s "
			    "is not the one that %.200s has: put the newest "
			    "copy of the folder keys back",
			    ctx->conf->state_dir, a->url);
		if (rc == 1 && note(ctx, a, k.thumbprint[0], e) == -1)
			rc = -1;
	}
	sign_account_free(&k);
	return rc;
}

int
acme_settle(struct cmd_ctx *ctx, struct acme_talk *t,
    struct acme_account_row *a, struct err *e)
{
	struct sign_account	k = SIGN_ACCOUNT_INIT;
	int			fd, rc;

	rc = sign_client_account(acme_talk_sign(t), a->key_id, NULL, &k, e);
	if (rc == 0 && ((k.have & SIGN_HAS_NEXT) != 0 ||
	    strcmp(k.thumbprint[0], a->thumbprint) != 0)) {
		fd = lock(ctx, e);
		rc = fd == -1 ? -1 : settle(ctx, t, a, e);
		if (fd != -1)
			(void)close(fd);
	}
	sign_account_free(&k);
	return rc;
}

/*
 * The CA has not said that it knows the next key: perhaps it does.  That key
 * is given up only when the CA said no, and knows the one before.
 */
static int
not_changed(struct cmd_ctx *ctx, struct acme_talk *t,
    struct acme_account_row *a, int refused, struct err *e)
{
	struct err	why = ERR_INIT;
	int		rc = knows(t, a, 1, &why);

	if (rc == 1) {
		err_clear(e);
		return take_over(ctx, t, a, e);
	}
	if (rc == 0 && refused && knows(t, a, 0, &why) == 1 &&
	    acme_talk_rolled(t, 0, &why) == 0)
		return err_prefix(e, "the key stays as it is");
	return err_prefix(e, "it is not known which key the CA has now, both "
	    "are kept (run this again)");
}

static int
roll(struct cmd_ctx *ctx, struct acme_talk *t, struct acme_account_row *a,
    enum pkey_kind kind, struct err *e)
{
	struct account_ask	 ask = { acme_talk_pin(t), a->url, clk_wall() };
	struct acme_ask		 q = { ACME_KEY_CHANGE,
				    acme_talk_dir(t)->key_change, NULL, 0 };
	struct acme_reply	 r;
	struct problem		 p;
	struct buf		 inner = BUF_INIT;
	char			*payload = NULL;
	int			 rc, said = 0;

	rc = acme_talk_roll(t, pkey_name(kind), &inner, e);
	if (rc == 0 && (payload = account_key_change(buf_text(&inner), e)) ==
	    NULL)
		rc = -1;
	if (rc == 0) {
		q.payload = payload;
		rc = acme_talk_call(t, &q, "", &r, e);
		memset(&p, 0, sizeof(p));
		if (rc == 0)
			rc = account_key_changed(&r, &ask, &p, e);
		said = r.status >= 400 && r.status < 500 && r.status != 429;
		problem_free(&p);
		rc = rc == 0 ? take_over(ctx, t, a, e) :
		    not_changed(ctx, t, a, said, e);
	}
	free(payload);
	buf_free(&inner);
	return rc;
}

/* The kind of a public key (RFC 7518, 6); PKEY_NONE: none that we make. */
static enum pkey_kind
kind_of(const struct buf *jwk)
{
	json_t		*o = json_loadb((const char *)jwk->p, jwk->n, 0,
			    NULL);
	const char	*crv = json_string_value(json_object_get(o, "crv"));
	const char	*n = json_string_value(json_object_get(o, "n"));
	char		 name[32] = "";
	enum pkey_kind	 kind;

	if (crv != NULL)
		(void)snprintf(name, sizeof(name), "p%.3s",
		    strlen(crv) > 2 ? crv + 2 : "");
	else if (n != NULL)	/* base64url: six bits a letter */
		(void)snprintf(name, sizeof(name), "rsa%zu",
		    strlen(n) * 6 / 8 * 8);
	kind = pkey_kind_of(name);
	json_decref(o);
	return kind;
}

/* The kinds of the key in use and of one that was begun, else PKEY_NONE. */
static int
kinds(struct acme_talk *t, const struct acme_account_row *a,
    enum pkey_kind out[2], struct err *e)
{
	struct sign_account	k = SIGN_ACCOUNT_INIT;
	int			rc;

	rc = sign_client_account(acme_talk_sign(t), a->key_id, NULL, &k, e);
	if (rc == 0) {
		out[0] = kind_of(&k.jwk[0]);
		out[1] = (k.have & SIGN_HAS_NEXT) != 0 ? kind_of(&k.jwk[1]) :
		    PKEY_NONE;
	}
	sign_account_free(&k);
	return rc;
}

/*
 * The key that was begun is not thrown away because another kind is wanted
 * now: a request for it may still be on its way.  It is changed to, then to
 * what is wanted; unless the CA refuses it.
 */
static int
change(struct cmd_ctx *ctx, struct acme_talk *t, struct acme_account_row *a,
    enum pkey_kind want, struct err *e)
{
	enum pkey_kind	is[2];
	int		rc;

	if (kinds(t, a, is, e) == -1)
		return -1;
	if (want == PKEY_NONE)
		want = is[1] != PKEY_NONE ? is[1] : is[0];
	if (is[1] == PKEY_NONE || is[1] == want)
		return roll(ctx, t, a, want, e);
	rc = roll(ctx, t, a, is[1], e);
	if (rc == -1 && (kinds(t, a, is, NULL) == -1 || is[1] != PKEY_NONE))
		return -1;
	err_clear(e);
	return roll(ctx, t, a, want, e);
}

int
acme_rollover(struct cmd_ctx *ctx, struct acme_talk *t,
    struct acme_account_row *a, enum pkey_kind want, struct err *e)
{
	enum pkey_kind	is[2];
	int		fd = lock(ctx, e), rc;

	if (fd == -1)
		return -1;
	rc = settle(ctx, t, a, e);
	/* the one that was cut off is done: is it what is wanted? */
	if (rc == 1 && want != PKEY_NONE && (rc = kinds(t, a, is, e)) == 0)
		rc = is[0] == want;
	if (rc == 0)
		rc = change(ctx, t, a, want, e);
	(void)close(fd);
	return rc == -1 ? -1 : 0;
}
