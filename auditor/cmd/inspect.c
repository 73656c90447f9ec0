#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/box.h"
#include "auditor/cmd/cmd.h"
#include "auditor/cmd/inspect.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/trust.h"
#include "base/limit.h"
#include "base/mem.h"

/* What a file is, what it says, and who signed it. */

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_inspect = {
	.name = "inspect",
	.args = "[--key PEM | --log-list FILE] FILE...",
	.brief = "show a certificate, SCT, tree head, entries, tile, CRL ...",
	.help = "  certvigil inspect fullchain.pem --log-list log_list.json\n"
	    "  certvigil inspect get-sth.json --key log.pem --json\n\n"
	    "Knows certificates and precertificates, SCT lists, STHs,\n"
	    "checkpoints, get-entries answers, data tiles, log lists (with\n"
	    "their signature FILE.sig or log_list.sig beside them), CRLs,\n"
	    "OCSP responses and evidence files; PEM or DER; - is standard\n"
	    "input.  Exits with 2 when a signature is wrong or a file is\n"
	    "malformed.  Needs neither configuration nor database.\n",
	.no_conf = 1,
	.run = run,
};

struct look {
	const char	*name;
	struct buf	 file, sig;
	struct trust	 trust;
	int		 json;
};

static int
boxed(void *arg, struct buf *out)
{
	struct look	*l = arg;
	struct inspect	 in;
	struct err	 e = ERR_INIT;
	char		*text;
	size_t		 i;

	if (trust_open(&l->trust, &e) == -1) {
		buf_str(out, e.msg);
		return err_exit(ERR_USAGE);
	}
	memset(&in, 0, sizeof(in));
	in.name = l->name;
	in.trust = &l->trust;
	in.lines = json_array();
	if (l->sig.n != 0)
		in.sig = buf_bytes(&l->sig);
	inspect_file(&in, buf_bytes(&l->file));
	for (i = 0; i < json_array_size(in.lines); i++) {
		if (!l->json) {
			if (i != 0)
				buf_str(out, "\n");
			inspect_text(json_array_get(in.lines, i), out);
			continue;
		}
		text = json_dumps(json_array_get(in.lines, i), JSON_COMPACT |
		    JSON_ENSURE_ASCII);
		buf_fmt(out, "%s\n", text != NULL ? text : "{}");
		free(text);
	}
	json_decref(in.lines);
	return in.worst;
}

/* The signature that lies beside a log list: FILE.sig, or its own name's. */
static void
beside(const char *path, struct buf *out)
{
	size_t	 n = strlen(path);
	char	*p = mem_printf("%s.sig", path);

	if (opt_file(p, LIMIT_BODY_HEAD, out, NULL) == -1 && n > 5 &&
	    strcmp(path + n - 5, ".json") == 0) {
		free(p);
		p = mem_printf("%.*s.sig", (int)(n - 5), path);
		(void)opt_file(p, LIMIT_BODY_HEAD, out, NULL);
	}
	free(p);
}

static int
look(struct cmd_ctx *ctx, const char *path, const char *key,
    const char *list)
{
	struct look	l;
	struct buf	out = BUF_INIT;
	struct err	e = ERR_INIT;
	int		rc = -1;

	memset(&l, 0, sizeof(l));
	l.name = path;
	l.json = ctx->json;
	if (trust_read(&l.trust, key, list, &e) == 0 &&
	    opt_file(path, LIMIT_INSPECT_FILE, &l.file, &e) == 0) {
		if (strcmp(path, "-") != 0)
			beside(path, &l.sig);
		(void)fflush(stdout);
		rc = box_run(boxed, &l, &out, &e);
	}
	if (rc == err_exit(ERR_USAGE))
		(void)err_set(&e, ERR_USAGE, "%s", buf_text(&out));
	else if (rc != -1)
		cmd_lines(buf_text(&out));
	if (e.code == ERR_FORMAT)
		(void)err_prefix(&e, "%s", path);
	if (e.code != ERR_NONE) {
		rc = cmd_fail(&e);
		/* nothing was looked at: could not check */
		if (e.code == ERR_FORMAT)
			rc = 2;
		else if (e.code != ERR_USAGE)
			rc = 1;
	}
	buf_free(&out);
	buf_free(&l.file);
	buf_free(&l.sig);
	trust_free(&l.trust);
	return rc;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	const char		*key = NULL, *list = NULL;
	const struct opt	 opts[] = {
		{ "--key", NULL, &key, NULL },
		{ "--log-list", NULL, &list, NULL },
	};
	struct opt_list		 rest = { NULL, 0, 0 };
	size_t			 i;
	int			 rc, r;

	rc = opt_parse(&cmd_inspect, opts, sizeof(opts) / sizeof(opts[0]),
	    argc, argv, &rest);
	if (rc == 0 && rest.n == 0)
		rc = cmd_usage(&cmd_inspect, "at least one file is needed");
	else if (rc == 0 && key != NULL && list != NULL)
		rc = cmd_usage(&cmd_inspect, "--key or --log-list, not both");
	else if (rc == 0)
		for (i = 0; i < rest.n; i++) {
			if (i != 0 && !ctx->json)
				(void)putchar('\n');
			r = look(ctx, rest.v[i], key, list);
			/* 64 and above speak of the command, then 2, then 1 */
			if (r > rc)
				rc = r;
		}
	free(rest.v);
	return rc;
}
