#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/verb.h"
#include "auditor/db/cert_view.h"
#include "auditor/db/revocation_view.h"
#include "auditor/serials.h"
#include "pki/watch.h"

extern const struct cmd cmd_revocation;

/* --- sources ---------------------------------------------------------------- */

/* What is wrong with a source, or until when it is good. */
static void
source_state(const json_t *o, struct buf *out)
{
	const char	*state = message_get(o, "state");

	buf_str(out, state);
	if (message_get(o, "fault")[0] != '\0')
		buf_fmt(out, " (%s)", message_get(o, "fault"));
	if (message_get(o, "failing_since")[0] != '\0')
		buf_fmt(out, " since %s", message_get(o, "failing_since"));
	if (message_get(o, "why")[0] != '\0' && strcmp(state, "good") != 0)
		buf_fmt(out, ": %s", message_get(o, "why"));
}

static void
print_source(const json_t *o)
{
	static const int width[] = { 4, 18, 7, 20, 20, 52 };
	struct buf	 b = BUF_INIT;
	const char	*cols[7];
	char		 watched[24];

	snprintf(watched, sizeof(watched), "%lld", (long long)
	    json_integer_value(json_object_get(o, "watched")));
	source_state(o, &b);
	cols[0] = message_get(o, "kind");
	cols[1] = message_get(o, "issuer_owner")[0] != '\0' ?
	    message_get(o, "issuer_owner") : "-";
	cols[2] = watched;
	cols[3] = message_get(o, "this_update")[0] != '\0' ?
	    message_get(o, "this_update") : "-";
	cols[4] = message_get(o, "next_update")[0] != '\0' ?
	    message_get(o, "next_update") : "-";
	cols[5] = message_get(o, "url");
	cols[6] = buf_text(&b);
	opt_row(cols, width, 7);
	buf_free(&b);
}

static int
sources(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const int width[] = { 4, 18, 7, 20, 20, 52 };
	static const char *const head[] = { "KIND", "ISSUER", "WATCHED",
	    "THIS UPDATE", "NEXT UPDATE", "URL", "STATE" };
	int			 faulty = 0, rc;
	const struct opt	 opts[] = {
		{ "--faulty", &faulty, NULL, NULL },
	};
	struct opt_list		 rest = { NULL, 0, 0 };
	struct err		 e = ERR_INIT;
	json_t			*a, *o;
	size_t			 i;

	rc = opt_parse(&cmd_revocation, opts, 1, argc, argv, &rest);
	free(rest.v);
	if (rc != 0)
		return rc;
	if (rest.n != 0)
		return cmd_usage(&cmd_revocation, "sources takes only "
		    "--faulty");
	if (cmd_db(ctx, &e) == -1 ||
	    (a = revocation_view_sources(ctx->db, faulty, &e)) == NULL)
		return cmd_fail(&e);
	if (!ctx->json && !ctx->quiet && json_array_size(a) > 0)
		opt_row(head, width, 7);
	json_array_foreach(a, i, o) {
		if (ctx->json)
			cmd_json(json_incref(o));
		else
			print_source(o);
	}
	if (json_array_size(a) == 0 && !ctx->json && !ctx->quiet)
		fprintf(stderr, "No revocation sources%s.\n", faulty ?
		    " that are not good" : " are known yet");
	json_decref(a);
	return 0;
}

/* --- status ----------------------------------------------------------------- */

struct printer {
	const struct cmd_ctx	*ctx;
	int			 full;	/* with sources and changes */
	size_t			 n;
};

static void
names(const json_t *o, size_t max, struct buf *out)
{
	const json_t	*a = json_object_get(o, "names");
	size_t		 i, n = json_array_size(a);

	for (i = 0; i < n && i < max; i++)
		buf_fmt(out, "%s%s", i > 0 ? ", " : "",
		    json_string_value(json_array_get(a, i)));
	if (n > max)
		buf_fmt(out, " and %zu more", n - max);
}

/* What a source says: "revoked, keyCompromise, stated ...". */
static void
said(const json_t *o, struct buf *out)
{
	buf_str(out, message_get(o, "status"));
	if (message_get(o, "reason")[0] != '\0')
		buf_fmt(out, ", %s", message_get(o, "reason"));
	if (message_get(o, "stated_at")[0] != '\0')
		buf_fmt(out, ", stated %s", message_get(o, "stated_at"));
	if (message_get(o, "refusal")[0] != '\0')
		buf_fmt(out, ": %s", message_get(o, "refusal"));
}

static void
put(const struct buf *b)
{
	char	*s = cmd_clean(buf_text(b));

	printf("%s\n", s);
	free(s);
}

/* Each source as it is now, then each change in order. */
static void
print_full(const json_t *o, const json_t *r)
{
	const json_t	*a = json_object_get(r, "sources"), *v;
	struct buf	 b = BUF_INIT;
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++) {
		v = json_array_get(a, i);
		buf_reset(&b);
		buf_fmt(&b, "  now   %-4s %s: ", message_get(v, "kind"),
		    message_get(v, "url"));
		said(v, &b);
		buf_fmt(&b, ", since %s, last seen %s",
		    message_get(v, "first_seen"), message_get(v, "last_seen"));
		put(&b);
	}
	a = json_object_get(o, "changes");
	for (i = 0; i < json_array_size(a); i++) {
		v = json_array_get(a, i);
		buf_reset(&b);
		buf_fmt(&b, "  %s  %-4s %s: ", message_get(v, "at"),
		    message_get(v, "kind"), message_get(v, "url"));
		said(v, &b);
		put(&b);
	}
	buf_free(&b);
}

/* How long a revocation that we ordered took to be published. */
static void
took(const json_t *r)
{
	const json_t	*v = json_object_get(r, "published_seconds");

	if (json_is_integer(v))
		printf("  published %lld s after it was ordered\n",
		    (long long)json_integer_value(v));
}

static void
print_status(void *arg, json_t *o)
{
	static const int width[] = { 10, 20, 20, 20, 40 };
	struct printer	*p = arg;
	const json_t	*r = json_object_get(o, "revocation");
	struct buf	 b = BUF_INIT;
	const char	*cols[6], *status = message_get(r, "status");

	p->n++;
	if (p->ctx->json) {
		cmd_json(o);
		return;
	}
	names(o, 3, &b);
	cols[0] = status[0] == '\0' ? "unchecked" :
	    strcmp(status, "not_applicable") == 0 ? "n/a" : status;
	cols[1] = message_get(r, "reason")[0] != '\0' ?
	    message_get(r, "reason") : "-";
	cols[2] = message_get(r, "stated_at")[0] != '\0' ?
	    message_get(r, "stated_at") : "-";
	cols[3] = message_get(r, "observed_at")[0] != '\0' ?
	    message_get(r, "observed_at") : "-";
	cols[4] = message_get(o, "serial");
	cols[5] = buf_text(&b);
	opt_row(cols, width, 6);
	if (p->full) {
		took(r);
		buf_reset(&b);
		buf_fmt(&b, "  issuer %s, key %s", message_get(o,
		    "issuer_owner")[0] != '\0' ? message_get(o,
		    "issuer_owner") : "not known", message_get(o,
		    "issuer_spki_sha256"));
		put(&b);
		if (message_get(r, "why")[0] != '\0') {
			buf_reset(&b);
			buf_fmt(&b, "  %s", message_get(r, "why"));
			put(&b);
		}
		print_full(o, r);
	}
	buf_free(&b);
	json_decref(o);
}

/* A serial number, else a hash of a certificate: 1 found, 0 none, -1. */
static int
by_hex(struct cmd_ctx *ctx, const char *text, struct printer *p,
    struct err *e)
{
	struct revocation_view_ask	 ask = { NULL, NULL, { NULL, 0 } };
	struct err			 sub = ERR_INIT;
	uint8_t				 tbs[32];
	char				*serial;
	int				 rc = 0;

	if ((serial = serials_canon(text, strlen(text))) != NULL) {
		ask.serial = serial;
		rc = revocation_view_status(ctx->db, &ask, print_status, p, e);
		free(serial);
		ask.serial = NULL;
	}
	if (rc == -1 || p->n > 0)
		return rc == -1 ? -1 : 1;
	if (cert_view_find(ctx->db, text, tbs, &sub) == -1) {
		if (sub.code == ERR_NOENT || (serial != NULL &&
		    (strlen(text) < 8 || strpbrk(text, ": ") != NULL)))
			return 0;
		return err_set(e, sub.code, "%s", sub.msg);
	}
	ask.tbs.p = tbs;
	ask.tbs.n = sizeof(tbs);
	rc = revocation_view_status(ctx->db, &ask, print_status, p, e);
	return rc == -1 ? -1 : p->n > 0;
}

/* Digits, colons: neither a name nor a pattern. */
static int
is_hex(const char *s)
{
	return s[0] != '\0' && s[strspn(s, "0123456789abcdefABCDEF: ")] ==
	    '\0';
}

static int
status_of(struct cmd_ctx *ctx, const char *what, struct printer *p,
    struct err *e)
{
	struct revocation_view_ask	ask = { NULL, NULL, { NULL, 0 } };
	char				canon[WATCH_TEXT];

	if (what != NULL && is_hex(what))
		return by_hex(ctx, what, p, e);
	if (what != NULL && watch_canon(what, canon, e) == -1)
		return -1;
	ask.name = what != NULL ? canon : NULL;
	return revocation_view_status(ctx->db, &ask, print_status, p, e);
}

static int
status(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct printer	p = { ctx, argc == 2, 0 };
	struct err	e = ERR_INIT;

	if (argc > 2)
		return cmd_usage(&cmd_revocation, "status takes one name, "
		    "hash or serial number");
	if (cmd_db(ctx, &e) == -1 ||
	    status_of(ctx, argc == 2 ? argv[1] : NULL, &p, &e) == -1)
		return cmd_fail(&e);
	if (p.n > 0)
		return 0;
	if (argc == 1) {
		if (!ctx->json && !ctx->quiet)
			fprintf(stderr, "No certificates are known yet.\n");
		return 0;
	}
	err_set(&e, ERR_NOENT, "no certificate of %.80s is known (certvigil "
	    "certs lists them)", argv[1]);
	return cmd_fail(&e);
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "sources", sources },
		{ "status", status },
		{ NULL, NULL },
	};

	return verb_run(&cmd_revocation, verbs, ctx, argc, argv);
}

const struct cmd cmd_revocation = {
	.name = "revocation",
	.args = "sources [--faulty] | status [NAME|SHA256|SERIAL]",
	.brief = "where revocation is asked for, and what was answered",
	.help = "  certvigil revocation sources --faulty\n"
	    "  certvigil revocation status www.example.com\n"
	    "  certvigil revocation status 04:AB:12:CD --json\n\n"
	    "Revoked in any authentic source is revoked; good needs every "
	    "required source,\nfresh and silent.  With an argument, also what "
	    "each source says, and everything\nthat it said before: the date "
	    "that the CA states, and when we saw it first.\n",
	.run = run,
};
