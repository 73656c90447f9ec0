#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/cmd/box.h"
#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/signer.h"
#include "auditor/cmd/trust.h"
#include "auditor/db/evidence_store.h"
#include "auditor/evidence.h"
#include "auditor/evidence_verify.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"

/* Evidence files: made here, and judged by whoever does not trust us. */

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_evidence = {
	.name = "evidence",
	.args = "export FINDING|TBS [--output FILE] | verify FILE "
	    "--log-list FILE|--key PEM [--instance-key BASE64]",
	.brief = "what proves a finding to a third party",
	.help = "  certvigil evidence export 17 --output 17.json\n"
	    "  certvigil evidence verify 17.json --log-list log_list.json\n\n"
	    "export writes everything that a third party needs: certificate,\n"
	    "chain, log entry, signed heads and proofs, raw.  verify takes\n"
	    "the logs' keys from you, never from the file, and needs neither\n"
	    "network, database nor configuration.  It exits with 2 when a\n"
	    "statement does not hold, with 1 when a log's key is not yours.\n",
	.no_conf = 1,
	.run = run,
};

static int
export(struct cmd_ctx *ctx, const char *what, const char *path)
{
	struct signer	 s;
	struct evidence	*ev = NULL;
	struct buf	 text = BUF_INIT;
	struct err	 e = ERR_INIT;
	int		 rc = 0;

	memset(&s, 0, sizeof(s));
	if ((ctx->conf = conf_load(ctx->config_path, &e)) == NULL ||
	    cmd_become(ctx, &e) == -1 || cmd_db(ctx, &e) == -1 ||
	    signer_open(&s, ctx->conf->state_dir, &e) == -1)
		return cmd_fail(&e);
	ev = evidence_new(&s.signer);
	if (evidence_store_what(ctx->db, what, ev, &e) == -1 ||
	    evidence_finish(ev, clk_wall(), &text, &e) == -1 ||
	    signer_write(path, &text, &e) == -1)
		rc = cmd_fail(&e);
	evidence_free(ev);
	buf_free(&text);
	signer_close(&s);
	return rc;
}

/* What the box is given. */
struct verify {
	struct buf	 file;
	struct trust	 trust;
	const uint8_t	*instance;
	int		 json;
};

/* The object of ${list} that member ${key} of ${o} is the number of, or NULL. */
static const json_t *
named(const json_t *list, const json_t *o, const char *key)
{
	const json_t	*n = json_object_get(o, key);

	return json_is_integer(n) && json_integer_value(n) >= 0 ?
	    json_array_get(list, (size_t)json_integer_value(n)) : NULL;
}

/* The log of a line about a statement: its own, its head's or its entry's. */
static const json_t *
log_of(const json_t *file, const json_t *line)
{
	const json_t	*all = json_object_get(file, "statements"),
			*s = named(all, line, "statement");

	if (json_object_get(s, "log") == NULL)
		s = named(all, s, json_object_get(s, "head") != NULL ?
		    "head" : "entry");
	return named(json_object_get(file, "logs"), s, "log");
}

/* Its name: the verifier's, if that knows it; else what the file says. */
static const char *
name_of(const struct verify *v, const json_t *log)
{
	const struct loglist_log	*have = NULL;
	const json_t			*id = json_object_get(log, "log_id");
	struct buf			 b = BUF_INIT;

	if (v->trust.list != NULL && json_is_string(id) &&
	    enc_unb64(json_string_value(id), json_string_length(id), &b) == 0
	    && b.n == 32)
		have = loglist_find(v->trust.list, b.p);
	buf_free(&b);
	return have != NULL ? have->description :
	    json_string_value(json_object_get(log, "description"));
}

static void
say(const struct verify *v, const json_t *file, json_t *line, struct buf *out)
{
	const json_t	*log = log_of(file, line);
	const char	*name;
	char		*text;

	if (v->json) {
		if (json_is_string(json_object_get(log, "log_id")))
			(void)json_object_set(line, "log_id",
			    json_object_get(log, "log_id"));
		text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
		buf_fmt(out, "%s\n", text != NULL ? text : "{}");
		free(text);
		return;
	}
	text = cmd_clean(json_string_value(json_object_get(line, "type")));
	buf_fmt(out, "%-10s %-13s %-12s ",
	    json_string_value(json_object_get(line, "result")),
	    json_object_get(line, "grade") == NULL ? "" :
	    json_string_value(json_object_get(line, "grade")),
	    strcmp(text, EVIDENCE_TYPE) == 0 ? "the file" : text);
	free(text);
	name = name_of(v, log);
	if (name != NULL) {
		text = cmd_clean(name);
		buf_fmt(out, "%s: ", text);
		free(text);
	}
	text = cmd_clean(json_string_value(json_object_get(line, "reason")));
	buf_fmt(out, "%s\n", text);
	free(text);
}

static int
boxed(void *arg, struct buf *out)
{
	static const int	 status[] = { 0, 1, 2 };
	struct verify		*v = arg;
	struct err		 e = ERR_INIT;
	struct evidence_keys	 keys = { NULL, { NULL, 0 }, v->instance };
	enum evidence_verdict	 r;
	json_t			*lines, *file;
	size_t			 i;

	if (trust_open(&v->trust, &e) == -1) {
		buf_str(out, e.msg);
		return err_exit(ERR_USAGE);
	}
	keys.list = v->trust.list;
	keys.key = buf_bytes(&v->trust.spki);
	r = evidence_verify(buf_bytes(&v->file), &keys, &lines);
	file = json_loadb((const char *)v->file.p, v->file.n, 0, NULL);
	for (i = 0; i < json_array_size(lines); i++)
		say(v, file, json_array_get(lines, i), out);
	json_decref(file);
	json_decref(lines);
	return status[r];
}

static int
verify(struct cmd_ctx *ctx, const char *path, const char *key,
    const char *list, const char *instance)
{
	struct verify	v;
	struct buf	out = BUF_INIT, id = BUF_INIT;
	struct err	e = ERR_INIT;
	int		rc = -1;

	memset(&v, 0, sizeof(v));
	v.json = ctx->json;
	if (instance != NULL && (enc_unb64(instance, strlen(instance), &id)
	    == -1 || id.n != 32))
		(void)err_set(&e, ERR_USAGE, "--instance-key is not 32 bytes "
		    "in base64");
	else if (trust_read(&v.trust, key, list, &e) == 0 &&
	    opt_file(path, LIMIT_EVIDENCE, &v.file, &e) == 0) {
		v.instance = id.n == 32 ? id.p : NULL;
		rc = box_run(boxed, &v, &out, &e);
	}
	if (rc == err_exit(ERR_USAGE))
		(void)err_set(&e, ERR_USAGE, "%s", buf_text(&out));
	else if (rc != -1)
		cmd_lines(buf_text(&out));
	if (e.code != ERR_NONE)
		rc = e.code == ERR_FORMAT || e.code == ERR_LIMIT ?
		    (cmd_fail(&e), 2) : cmd_fail(&e);
	buf_free(&out);
	buf_free(&id);
	buf_free(&v.file);
	trust_free(&v.trust);
	return rc;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	const char		*output = NULL, *key = NULL, *list = NULL,
				*instance = NULL;
	const struct opt	 opts[] = {
		{ "--output", NULL, &output, NULL },
		{ "--key", NULL, &key, NULL },
		{ "--log-list", NULL, &list, NULL },
		{ "--instance-key", NULL, &instance, NULL },
	};
	struct opt_list		 rest = { NULL, 0, 0 };
	int			 rc;

	rc = opt_parse(&cmd_evidence, opts, sizeof(opts) / sizeof(opts[0]),
	    argc, argv, &rest);
	if (rc != 0)
		goto out;
	if (rest.n == 2 && strcmp(rest.v[0], "export") == 0) {
		if (key != NULL || list != NULL || instance != NULL)
			rc = cmd_usage(&cmd_evidence, "export takes --output "
			    "only");
		else
			rc = export(ctx, rest.v[1], output);
	} else if (rest.n == 2 && strcmp(rest.v[0], "verify") == 0) {
		if ((key == NULL) == (list == NULL) || output != NULL)
			rc = cmd_usage(&cmd_evidence, "verify needs the logs' "
			    "keys from you: --log-list FILE or --key PEM");
		else
			rc = verify(ctx, rest.v[1], key, list, instance);
	} else {
		rc = cmd_usage(&cmd_evidence, "what is to be done: export or "
		    "verify, and of what?");
	}
out:
	free(rest.v);
	return rc;
}
