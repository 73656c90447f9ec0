#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/account.h"
#include "acme/problem.h"
#include "auditor/cmd/acme.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/verb.h"
#include "auditor/conf_check.h"
#include "base/clk.h"
#include "base/mem.h"

extern const struct cmd cmd_account;

/* --- the command line ----------------------------------------------------- */

/* Instead of what the configuration says, for this command. */
static void
instead(char **conf, const char *said)
{
	if (said == NULL)
		return;
	free(*conf);
	*conf = mem_str(said);
}

static int
instead_of(struct conf *c, const char *directory, const char *kid,
    const char *file, struct err *e)
{
	char	*path = NULL;

	if (directory != NULL && strcmp(directory, "letsencrypt") != 0 &&
	    strcmp(directory, "letsencrypt-staging") != 0 &&
	    conf_check_url(directory, e) == -1)
		return err_prefix(e, "--directory");
	if (file != NULL && (path = realpath(file, NULL)) == NULL)
		return err_set(e, ERR_NOENT, "--eab-key-file: %.200s is not "
		    "there", file);
	instead(&c->acme_directory, directory);
	instead(&c->acme_eab_kid, kid);
	instead(&c->acme_eab_key_file, path);
	free(path);
	return 0;
}

/*
 * The options of a verb, in force; ${kind} is that of rollover.  Then as the
 * user that it is to run as.  0, or the exit status after it was said what is
 * wrong.
 */
static int
begin(struct cmd_ctx *ctx, int argc, char **argv, enum pkey_kind *kind)
{
	const char	*directory = NULL, *kid = NULL, *file = NULL,
			*key = NULL;
	const struct opt opts[] = {
		{ "--directory", NULL, &directory, NULL },
		{ kind != NULL ? "--key" : "--eab-kid", NULL,
		    kind != NULL ? &key : &kid, NULL },
		{ "--eab-key-file", NULL, &file, NULL }
	};
	struct opt_list	 rest = { NULL, 0, 0 };
	struct err	 e = ERR_INIT;
	int		 enrols = strcmp(argv[0], "register") == 0;
	/* an external account is named when ours is made only */
	int		 rc = opt_parse(&cmd_account, opts, enrols ? 3 :
			    kind != NULL ? 2 : 1, argc, argv, &rest);

	if (rc == 0 && rest.n != 0)
		rc = cmd_usage(&cmd_account, "no argument is taken but "
		    "options");
	free(rest.v);
	if (rc == 0 && (kid == NULL) != (file == NULL))
		rc = cmd_usage(&cmd_account, "--eab-kid and --eab-key-file "
		    "belong together");
	if (kind != NULL)
		*kind = key != NULL ? pkey_kind_of(key) : PKEY_NONE;
	if (rc == 0 && key != NULL && *kind == PKEY_NONE)
		rc = cmd_usage(&cmd_account, "--key: p256, p384, rsa2048, "
		    "rsa3072 or rsa4096");
	if (rc == 0 && (instead_of(ctx->conf, directory, kid, file, &e) == -1
	    || cmd_become(ctx, &e) == -1))
		rc = cmd_fail(&e);
	return rc;
}

/* --- the account ---------------------------------------------------------- */

static void
say(struct cmd_ctx *ctx, const struct acme_account_row *a, const char *what)
{
	const char	*dir = acme_talk_directory(ctx->conf);

	if (ctx->json)
		cmd_json(json_pack("{ss ss ss ss ss}", "directory", dir,
		    "account", a->url, "thumbprint", a->thumbprint,
		    "contact", a->contact, "status", what));
	else
		printf("%s: %s\n  directory   %s\n  thumbprint  %s\n"
		    "  contact     %s\n", a->url, what, dir, a->thumbprint,
		    a->contact[0] != '\0' ? a->contact : "-");
}

/* Terms, for whoever agrees to them by registering. */
static void
terms(struct cmd_ctx *ctx, const struct acme_talk *t)
{
	char	*s;

	if (ctx->quiet || acme_talk_dir(t)->terms == NULL)
		return;
	s = cmd_clean(acme_talk_dir(t)->terms);
	fprintf(stderr, "certvigil: registering agrees to %s\n", s);
	free(s);
}

static int
enter(struct cmd_ctx *ctx, int make)
{
	struct acme_account_row	 a;
	struct acme_talk	*t = NULL;
	struct err		 e = ERR_INIT;
	int			 made = 0, rc;

	memset(&a, 0, sizeof(a));
	if (cmd_db(ctx, &e) == -1)
		return cmd_fail(&e);
	if (make) {
		t = acme_talk_new(ctx->conf, 1, acme_progress, ctx, &e);
		if (t == NULL)
			return cmd_fail(&e);
		terms(ctx, t);
		rc = acme_account(ctx, t, 2, &a, &made, &e);
	} else
		rc = acme_account_load(ctx->db,
		    acme_talk_directory(ctx->conf), &a, &e);
	if (rc == 0)
		(void)err_set(&e, ERR_NOENT, "there is no account at %s; "
		    "certvigil account register makes one",
		    acme_talk_directory(ctx->conf));
	if (rc == 1)
		say(ctx, &a, made ? "registered" : "valid");
	acme_talk_free(t);
	acme_account_free(&a);
	return rc == 1 ? 0 : cmd_fail(&e);
}

static int
enrol(struct cmd_ctx *ctx, int argc, char **argv)
{
	int	rc = begin(ctx, argc, argv, NULL);

	return rc != 0 ? rc : enter(ctx, 1);
}

static int
show(struct cmd_ctx *ctx, int argc, char **argv)
{
	int	rc = begin(ctx, argc, argv, NULL);

	return rc != 0 ? rc : enter(ctx, 0);
}

/* Does the CA know this account no longer, or has it closed it before? */
static int
gone(const struct acme_reply *r)
{
	struct problem	p;
	int		yes;

	problem_read(&p, r, clk_wall());
	yes = p.type == PROBLEM_ACCOUNT_UNKNOWN ||
	    p.type == PROBLEM_UNAUTHORIZED;
	problem_free(&p);
	return yes;
}

/* It cannot be undone, and what it issued stays valid. */
static int
shut(struct cmd_ctx *ctx, struct acme_talk *t, struct acme_account_row *a,
    struct err *e)
{
	struct acme_ask		 q = { ACME_ACCOUNT_CLOSE, a->url, NULL, 0 };
	struct acme_reply	 r;
	char			*payload = account_close();
	int			 rc;

	q.payload = payload;
	rc = acme_talk_call(t, &q, "", &r, e);
	if (rc == 0 && r.status != 200 && !gone(&r))
		rc = acme_refused(&r, e);
	free(payload);
	if (rc == 0 && (db_begin(ctx->db, e) == -1 ||
	    acme_account_closed(ctx->db, a->id, e) == -1 ||
	    cmd_audit(ctx, "account.deactivate", json_pack("{ss}", "account",
	    a->url), e) == -1 || db_commit(ctx->db, e) == -1))
		rc = -1;
	return rc;
}

static int
deactivate(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct acme_account_row	 a;
	struct acme_talk	*t;
	struct err		 e = ERR_INIT;
	int			 made, rc;

	if ((rc = begin(ctx, argc, argv, NULL)) != 0)
		return rc;
	memset(&a, 0, sizeof(a));
	if (cmd_db(ctx, &e) == -1 ||
	    (t = acme_talk_new(ctx->conf, 1, acme_progress, ctx,
	    &e)) == NULL)
		return cmd_fail(&e);
	rc = acme_account(ctx, t, 0, &a, &made, &e);
	if (rc == 0)
		rc = err_set(&e, ERR_NOENT, "there is no account at %s",
		    acme_talk_directory(ctx->conf));
	if (rc == 1)
		rc = shut(ctx, t, &a, &e);
	if (rc == 0)
		say(ctx, &a, "deactivated");
	acme_talk_free(t);
	acme_account_free(&a);
	return rc == 0 ? 0 : cmd_fail(&e);
}

static int
rollover(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct acme_account_row	 a;
	struct acme_talk	*t;
	struct err		 e = ERR_INIT;
	enum pkey_kind		 kind;
	int			 rc;

	if ((rc = begin(ctx, argc, argv, &kind)) != 0)
		return rc;
	memset(&a, 0, sizeof(a));
	if (cmd_db(ctx, &e) == -1 ||
	    (t = acme_talk_new(ctx->conf, 1, acme_progress, ctx,
	    &e)) == NULL)
		return cmd_fail(&e);
	rc = acme_account_load(ctx->db, acme_talk_directory(ctx->conf), &a,
	    &e);
	if (rc == 0)
		rc = err_set(&e, ERR_NOENT, "there is no account at %s",
		    acme_talk_directory(ctx->conf));
	if (rc == 1) {
		acme_talk_as(t, &a);
		rc = acme_rollover(ctx, t, &a, kind, &e);
	}
	if (rc == 0)
		say(ctx, &a, "has a new key");
	acme_talk_free(t);
	acme_account_free(&a);
	return rc == 0 ? 0 : cmd_fail(&e);
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct verb	verbs[] = {
		{ "register", enrol }, { "show", show },
		{ "rollover", rollover }, { "deactivate", deactivate }, { NULL, NULL }
	};

	return verb_run(&cmd_account, verbs, ctx, argc, argv);
}

const struct cmd cmd_account = {
	.name = "account",
	.args = "register|show|rollover|deactivate [--directory URL]\n"
	    "           [--eab-kid ID --eab-key-file FILE] [--key KIND]",
	.brief = "our account at the CA of acme.directory",
	.help = "  certvigil account register     agree to its terms and make "
	    "an account\n"
	    "  certvigil account show\n"
	    "  certvigil account rollover     a new key for it [--key p256, "
	    "p384,\n"
	    "                                 rsa2048, rsa3072 or rsa4096]\n"
	    "  certvigil account deactivate   cannot be undone\n"
	    "\n"
	    "--directory: at another CA than that of acme.directory.  Of\n"
	    "register: --eab-kid and --eab-key-file, the external account that\n"
	    "the CA gave you, instead of acme.eab_kid and eab_key_file.\n"
	    "The account's key is made on first contact, lies in the state\n"
	    "directory, and is seen by the signing process only.  `issue`\n"
	    "registers by itself.  A rollover that was cut off is ended by\n"
	    "the next command: the key that the CA knows is never lost.\n",
	.run = run,
	.keep_user = 1
};
