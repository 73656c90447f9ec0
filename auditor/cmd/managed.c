#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/san.h"
#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/verb.h"
#include "auditor/db/acme_store.h"
#include "auditor/db/row.h"
#include "auditor/db/watcher.h"

extern const struct cmd cmd_managed;

static const char *
text(const json_t *o, const char *key)
{
	const char	*s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "-";
}

/* One line each, or all of one. */
static void
print(struct cmd_ctx *ctx, json_t *o, int whole)
{
	static const int	 width[] = { 32, 22, 10 };
	const char		*cols[4];

	if (ctx->json) {
		cmd_json(o);
		return;
	}
	cols[0] = text(o, "name");
	cols[1] = text(o, "not_after");
	cols[2] = json_is_true(json_object_get(o, "logged")) ? "logged" :
	    json_is_false(json_object_get(o, "ct")) ? "ct: no" : "not seen";
	cols[3] = text(o, "last_error");
	opt_row(cols, width, 4);
	if (whole) {
		const char	*keys[] = { "serial", "cert_sha256",
				    "tbs_sha256", "key", "challenge",
				    "directory", "deployed", "issued_at",
				    "hook_error", "revocation",
				    "renewal_now" };
		size_t		 i;

		for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			char	*s = cmd_clean(text(o, keys[i]));

			printf("  %-12s %s\n", keys[i], s);
			free(s);
		}
		printf("  %-12s %s\n", "ct", json_is_false(json_object_get(o,
		    "ct")) ? "no: nothing is expected in a log" :
		    json_is_true(json_object_get(o, "ct")) ? "yes" : "-");
	}
	json_decref(o);
}

static int
listed(struct cmd_ctx *ctx, const char *name, int whole)
{
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	size_t		 i, n;

	if (cmd_db(ctx, &e) == -1 || managed_list(ctx->db, name, &r, &e) ==
	    -1)
		return cmd_fail(&e);
	n = db_rows(r);
	for (i = 0; i < n; i++)
		print(ctx, row_json(r, i, 0), whole);
	db_free(r);
	if (n == 0 && name != NULL) {
		(void)err_set(&e, ERR_NOENT, "no certificate is managed as "
		    "%s", name);
		return cmd_fail(&e);
	}
	return 0;
}

static int
list(struct cmd_ctx *ctx, int argc, char **argv)
{
	(void)argv;
	return argc != 1 ? cmd_usage(&cmd_managed, "list takes no argument") :
	    listed(ctx, NULL, 0);
}

/* A name of the command line: what is wrong with it is wrong usage. */
static int
canon(const char *arg, char name[NAME_TEXT], struct err *e)
{
	if (san_canon(arg, name, e) == 0)
		return 0;
	e->code = ERR_USAGE;
	return err_prefix(e, "%.200s", arg);
}

static int
show(struct cmd_ctx *ctx, int argc, char **argv)
{
	char		name[NAME_TEXT];
	struct err	e = ERR_INIT;

	if (argc != 2)
		return cmd_usage(&cmd_managed, "show needs one name");
	return canon(argv[1], name, &e) == -1 ? cmd_fail(&e) :
	    listed(ctx, name, 1);
}

/* The files stay, and so does the certificate. */
static int
drop(struct cmd_ctx *ctx, int argc, char **argv)
{
	char		name[NAME_TEXT];
	struct err	e = ERR_INIT;
	int		rc;

	if (argc != 2)
		return cmd_usage(&cmd_managed, "remove needs one name");
	if (canon(argv[1], name, &e) == -1 || cmd_db(ctx, &e) == -1 ||
	    db_begin(ctx->db, &e) == -1 ||
	    (rc = managed_remove(ctx->db, name, &e)) == -1)
		return cmd_fail(&e);
	if (rc == 0) {
		(void)err_set(&e, ERR_NOENT, "no certificate is managed as "
		    "%s", name);
		return cmd_fail(&e);
	}
	if (watcher_gone(ctx->db, "deploy.failed", name, "it is not managed "
	    "any more", &e) == -1 || watcher_gone(ctx->db, "renewal.failed",
	    name, "it is not managed any more", &e) == -1 ||
	    cmd_audit(ctx, "managed.remove", json_pack("{ss}", "name", name),
	    &e) == -1 || db_commit(ctx->db, &e) == -1)
		return cmd_fail(&e);
	if (!ctx->quiet)
		fprintf(stderr, "certvigil: %s is renewed no longer; its "
		    "files stay, and it is valid until its end\n", name);
	return 0;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct verb	verbs[] = {
		{ "list", list }, { "show", show }, { "remove", drop },
		{ NULL, NULL }
	};

	return verb_run(&cmd_managed, verbs, ctx, argc, argv);
}

const struct cmd cmd_managed = {
	.name = "managed",
	.args = "list|show NAME|remove NAME",
	.brief = "certificates that we ordered",
	.help = "  certvigil managed list\n"
	    "  certvigil managed show example.com\n"
	    "  certvigil managed remove example.com   not renewed any more\n"
	    "\n"
	    "A certificate is named by its first name.  `logged`: it was seen\n"
	    "in a log, and its inclusion was proven.  `ct: no`: it was ordered\n"
	    "from a CA that does not log (acme.ct), so nothing is expected.\n",
	.run = run
};
