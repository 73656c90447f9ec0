#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/verb.h"
#include "auditor/db/endpoint_set.h"
#include "auditor/hostport.h"
#include "base/limit.h"
#include "base/mem.h"

extern const struct cmd cmd_endpoint;

/* Endpoints of one list query. */
#define PAGE	1000
/* A line of a list: a name, a port, a comment. */
#define LINE	1024

/* What is to be added. */
struct list {
	struct hostport	*v;
	size_t		 n, cap;
};

static int
take(struct list *l, const char *text, const char *starttls, struct err *e)
{
	if (l->n == LIMIT_ENDPOINTS)
		return err_set(e, ERR_LIMIT, "more than %u endpoints at once",
		    LIMIT_ENDPOINTS);
	l->v = mem_grow(l->v, &l->cap, l->n + 1, sizeof(*l->v));
	return hostport_read(text, starttls, &l->v[l->n++], e);
}

/* One a line, `#` begins a comment. */
static int
take_lines(struct list *l, const char *path, const char *starttls,
    struct err *e)
{
	struct buf	 text = BUF_INIT;
	char		*p, *save;
	long		 line = 0;
	int		 rc;

	rc = opt_file(path, (size_t)LIMIT_ENDPOINTS * LINE, &text, e);
	save = rc == 0 && text.n > 0 ? (char *)text.p : NULL;
	while (rc == 0 && (p = strsep(&save, "\n")) != NULL) {
		line++;
		p[strcspn(p, "#")] = '\0';
		p += strspn(p, " \t\r");
		p[strcspn(p, " \t\r")] = '\0';
		if (*p != '\0' && take(l, p, starttls, e) == -1)
			rc = err_prefix(e, "standard input:%ld", line);
	}
	buf_free(&text);
	return rc;
}

static int
store(struct cmd_ctx *ctx, const struct list *l, const char *owner,
    size_t *fresh, struct err *e)
{
	char	first[HOSTPORT_TEXT];

	hostport_text(l->v[0].host, l->v[0].port, first);
	if (cmd_db(ctx, e) == -1 || db_begin(ctx->db, e) == -1)
		return -1;
	if (endpoint_set_add(ctx->db, l->v, l->n, owner, fresh, e) == -1 ||
	    cmd_audit(ctx, "endpoint.add", json_pack("{ss sI sI ss}",
	    "endpoint", first, "given", (json_int_t)l->n, "added",
	    (json_int_t)*fresh, "owner", owner), e) == -1) {
		db_rollback(ctx->db);
		return -1;
	}
	return db_commit(ctx->db, e);
}

static int
add(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct list		l = { NULL, 0, 0 };
	struct opt_list		rest = { NULL, 0, 0 };
	struct err		e = ERR_INIT;
	const char		*owner = "", *starttls = NULL;
	const struct opt	opts[] = {
		{ "--owner", NULL, &owner, NULL },
		{ "--starttls", NULL, &starttls, NULL },
	};
	size_t			fresh = 0, i;
	int			rc, k = 0;

	if ((rc = opt_parse(&cmd_endpoint, opts, 2, argc, argv, &rest)) != 0)
		goto out;
	if (rest.n == 0) {
		rc = cmd_usage(&cmd_endpoint, "add needs HOST[:PORT], or - "
		    "for a list on standard input");
		goto out;
	}
	for (i = 0; k == 0 && i < rest.n; i++)
		k = strcmp(rest.v[i], "-") == 0 ?
		    take_lines(&l, "-", starttls, &e) :
		    take(&l, rest.v[i], starttls, &e);
	if (k == 0 && l.n == 0)
		k = err_set(&e, ERR_USAGE, "standard input has no endpoint");
	if (k == -1 || store(ctx, &l, owner, &fresh, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	cmd_hint(ctx);
	if (ctx->json)
		cmd_json(json_pack("{sI sI}", "given", (json_int_t)l.n,
		    "added", (json_int_t)fresh));
	else if (!ctx->quiet)
		fprintf(stderr, "%zu endpoints added%s\n", fresh,
		    fresh < l.n ? ", the others are watched already" : "");
out:
	free(l.v);
	free(rest.v);
	return rc;
}

static int
remove_all(struct cmd_ctx *ctx, const struct list *l, struct err *e)
{
	char	text[HOSTPORT_TEXT];
	size_t	i;

	if (cmd_db(ctx, e) == -1 || db_begin(ctx->db, e) == -1)
		return -1;
	for (i = 0; i < l->n; i++) {
		hostport_text(l->v[i].host, l->v[i].port, text);
		if (endpoint_set_remove(ctx->db, &l->v[i], e) == -1 ||
		    cmd_audit(ctx, "endpoint.remove", json_pack("{ss}",
		    "endpoint", text), e) == -1) {
			db_rollback(ctx->db);
			return -1;
		}
	}
	return db_commit(ctx->db, e);
}

static int
remove_some(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct list	l = { NULL, 0, 0 };
	struct err	e = ERR_INIT;
	int		i, k = 0, rc = 0;

	if (argc < 2)
		return cmd_usage(&cmd_endpoint, "remove needs HOST[:PORT]");
	for (i = 1; k == 0 && i < argc; i++)
		k = take(&l, argv[i], NULL, &e);
	if (k == -1 || remove_all(ctx, &l, &e) == -1)
		rc = cmd_fail(&e);
	else
		cmd_hint(ctx);
	free(l.v);
	return rc;
}

/* How it stands, in a few words. */
static void
state(const json_t *o, struct buf *out)
{
	const json_t	*a = json_object_get(o, "addresses"), *v;
	size_t		 i, bad = 0;

	if (message_get(o, "failing_since")[0] != '\0') {
		buf_fmt(out, "failing since %s: %s",
		    message_get(o, "failing_since"),
		    message_get(o, "last_error"));
		return;
	}
	if (message_get(o, "checked_at")[0] == '\0') {
		buf_str(out, "not looked at yet");
		return;
	}
	for (i = 0; i < json_array_size(a); i++) {
		v = json_array_get(a, i);
		bad += message_get(v, "error")[0] != '\0';
	}
	buf_fmt(out, "%zu addresses", json_array_size(a));
	if (bad > 0)
		buf_fmt(out, ", %zu of them without a handshake", bad);
	buf_fmt(out, ", looked at %s", message_get(o, "checked_at"));
}

static void
print(const struct cmd_ctx *ctx, json_t *o)
{
	static const int width[] = { 40, 8, 12 };
	struct buf	 b = BUF_INIT;
	const char	*cols[4];
	char		 text[HOSTPORT_TEXT];

	if (ctx->json) {
		cmd_json(json_incref(o));
		return;
	}
	state(o, &b);
	cols[0] = hostport_text(message_get(o, "host"),
	    (int)json_integer_value(json_object_get(o, "port")), text);
	cols[1] = message_get(o, "starttls")[0] != '\0' ?
	    message_get(o, "starttls") : "-";
	cols[2] = message_get(o, "owner")[0] != '\0' ?
	    message_get(o, "owner") : "-";
	cols[3] = buf_text(&b);
	opt_row(cols, width, 4);
	buf_free(&b);
}

static int
list(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct err	 e = ERR_INIT;
	json_t		*a, *o;
	int64_t		 after = 0;
	size_t		 i, n;

	(void)argv;
	if (argc != 1)
		return cmd_usage(&cmd_endpoint, "list takes no arguments");
	if (cmd_db(ctx, &e) == -1)
		return cmd_fail(&e);
	do {
		if ((a = endpoint_set_list(ctx->db, after, PAGE, &e)) == NULL)
			return cmd_fail(&e);
		n = json_array_size(a);
		json_array_foreach(a, i, o) {
			print(ctx, o);
			after = json_integer_value(json_object_get(o, "id"));
		}
		json_decref(a);
	} while (n == PAGE);
	if (after == 0 && !ctx->json && !ctx->quiet)
		fprintf(stderr, "No endpoints are watched.\n");
	return 0;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "add", add },
		{ "remove", remove_some },
		{ "list", list },
		{ NULL, NULL },
	};

	return verb_run(&cmd_endpoint, verbs, ctx, argc, argv);
}

const struct cmd cmd_endpoint = {
	.name = "endpoint",
	.args = "add HOST[:PORT]...|- [--starttls smtp|imap|none] "
	    "[--owner O] | remove HOST[:PORT]... | list",
	.brief = "the servers whose certificates are looked at",
	.help = "  certvigil endpoint add www.example.com\n"
	    "  certvigil endpoint add mail.example.com:25 --owner mail\n"
	    "  certvigil endpoint add - < hosts.txt\n"
	    "  certvigil endpoint list --json\n\n"
	    "Without a port it is 443.  On ports 25 and 587 STARTTLS of smtp "
	    "is spoken, on\n143 that of imap, unless --starttls says "
	    "otherwise.  A list has one a line; #\nbegins a comment.  Every "
	    "address of a name is looked at.\n",
	.run = run,
};
