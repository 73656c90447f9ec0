#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/csv.h"
#include "auditor/db/affected.h"
#include "auditor/renew.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"

extern const struct cmd cmd_affected;

/* A mass revocation: what is ours of it, and how far we are. */

struct printer {
	const struct cmd_ctx	*ctx;
	int			 csv;
	size_t			 n, replaced, served;
	int64_t			 deadline;	/* the first of those left */
};

static void
join(const json_t *o, const char *key, const char *between, struct buf *out)
{
	const json_t	*a = json_object_get(o, key);
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++)
		buf_fmt(out, "%s%s", i > 0 ? between : "",
		    json_string_value(json_array_get(a, i)));
}

static void
count(struct printer *p, const json_t *o)
{
	int64_t	by;

	p->n++;
	if (json_is_true(json_object_get(o, "replaced"))) {
		p->replaced++;
		p->served += json_array_size(json_object_get(o,
		    "successor_served_at")) > 0;
	} else if (clk_parse(message_get(o, "deadline"), &by) == 0 &&
	    by < p->deadline)
		p->deadline = by;
}

static const char *
state(const json_t *o)
{
	if (!json_is_true(json_object_get(o, "replaced")))
		return message_get(o, "successor")[0] != '\0' ? "unsure" :
		    "left";
	return json_array_size(json_object_get(o, "successor_served_at")) > 0 ?
	    "served" : "replaced";
}

static void
print_csv(const json_t *o)
{
	static const char *const keys[] = { "served_at", "source", "owner",
		"names", "issuer_owner", "serial", "not_after", "status",
		"reason", "deadline", "successor", "successor_served_at",
		"place", "renew", "tbs_sha256" };
	struct buf	b = BUF_INIT, cell = BUF_INIT;
	size_t		i;

	csv_cell(&b, state(o), 1);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		buf_reset(&cell);
		if (json_is_array(json_object_get(o, keys[i])))
			join(o, keys[i], " ", &cell);
		else
			buf_str(&cell, message_get(o, keys[i]));
		csv_cell(&b, buf_text(&cell), 0);
	}
	csv_end(&b);
	(void)fwrite(b.p, 1, b.n, stdout);
	buf_free(&cell);
	buf_free(&b);
}

static const char csv_head[] = "state,served_at,source,owner,names,issuer,"
    "serial,not_after,revocation,reason,deadline,successor,"
    "successor_served_at,place,renew,tbs_sha256\r\n";

static void
print_text(const json_t *o)
{
	static const int width[] = { 8, 34, 40, 12, 20, 18 };
	struct buf	 names = BUF_INIT, served = BUF_INIT;
	const char	*cols[7], *source = message_get(o, "source");

	join(o, "names", ",", &names);
	join(o, "served_at", ",", &served);
	cols[0] = state(o);
	cols[1] = served.n > 0 ? buf_text(&served) :
	    message_get(o, "place")[0] != '\0' ? message_get(o, "place") :
	    "-";
	cols[2] = names.n > 0 ? buf_text(&names) : "-";
	cols[3] = source[0] != '\0' ? source :
	    message_get(o, "owner")[0] != '\0' ? message_get(o, "owner") :
	    "-";
	cols[4] = message_get(o, "deadline")[0] != '\0' ?
	    message_get(o, "deadline") : "-";
	cols[5] = message_get(o, "serial");
	cols[6] = message_get(o, "renew");
	opt_row(cols, width, 7);
	buf_free(&names);
	buf_free(&served);
}

static void
print(void *arg, json_t *o)
{
	struct printer	*p = arg;
	struct buf	 b = BUF_INIT;

	renew_command(message_get(o, "place"), &b);
	json_object_set_new(o, "renew", b.n > 0 ? json_string(buf_text(&b)) :
	    json_null());
	buf_free(&b);
	count(p, o);
	if (p->ctx->json) {
		cmd_json(o);
		return;
	}
	if (p->csv)
		print_csv(o);
	else
		print_text(o);
	json_decref(o);
}

/* "300 certificates: 212 replaced, 198 served, 88 left, 17 h" */
static void
progress(const struct printer *p, const struct affected_ask *q)
{
	int64_t	left = (p->deadline - clk_wall()) / CLK_SEC;

	if (p->ctx->quiet)
		return;
	fprintf(stderr, "%zu certificates: %zu replaced, %zu served, %zu "
	    "left", p->n, p->replaced, p->served, p->n - p->replaced);
	if (p->deadline != INT64_MAX && left > 0)
		fprintf(stderr, ", %lld h", (long long)(left / 3600));
	else if (p->deadline != INT64_MAX)
		fprintf(stderr, ", the deadline is over");
	if (q->serials != NULL)
		fprintf(stderr, " (of %zu serial numbers)", q->serials->n);
	fprintf(stderr, "\n");
}

/* --- what is asked ---------------------------------------------------------- */

struct ask {
	const char	*file, *issuer, *range;
	int		 csv;
	uint8_t		 key[32];
	struct serials	 serials;
};

/* "A..B", either may be missing. */
static int
read_range(const char *text, struct affected_ask *q, struct err *e)
{
	const char	*dots = strstr(text, "..");
	char		 from[CLK_TEXT];

	if (dots == NULL || (size_t)(dots - text) >= sizeof(from))
		return err_set(e, ERR_USAGE, "--not-before takes a range: "
		    "2026-11-01..2026-11-20");
	memcpy(from, text, (size_t)(dots - text));
	from[dots - text] = '\0';
	if ((from[0] != '\0' &&
	    opt_moment("--not-before", from, 0, &q->from, e) == -1) ||
	    (dots[2] != '\0' &&
	    opt_moment("--not-before", dots + 2, 1, &q->to, e) == -1))
		return -1;
	return 0;
}

static int
read_ask(struct ask *a, struct affected_ask *q, struct err *e)
{
	struct buf	text = BUF_INIT;
	int		rc = 0;

	memset(q, 0, sizeof(*q));
	q->from = q->to = INT64_MIN;
	if (a->issuer != NULL) {
		if (strlen(a->issuer) != 64 ||
		    enc_unhex_to(a->key, 32, a->issuer) == -1)
			return err_set(e, ERR_USAGE, "--issuer-spki takes the "
			    "SHA-256 of the issuer's SubjectPublicKeyInfo, 64 "
			    "hex digits");
		q->issuer.p = a->key;
		q->issuer.n = 32;
	}
	if (a->range != NULL && read_range(a->range, q, e) == -1)
		return -1;
	if (a->file != NULL) {
		rc = opt_file(a->file, LIMIT_SERIALS_FILE, &text, e);
		if (rc == 0)
			rc = serials_read(&a->serials, buf_text(&text),
			    text.n, strcmp(a->file, "-") == 0 ?
			    "standard input" : a->file, e);
		q->serials = &a->serials;
	}
	buf_free(&text);
	return rc;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct ask		a;
	struct affected_ask	q;
	struct printer		p = { ctx, 0, 0, 0, 0, INT64_MAX };
	struct opt_list		rest = { NULL, 0, 0 };
	struct err		e = ERR_INIT;
	const struct opt	opts[] = {
		{ "--serials", NULL, &a.file, NULL },
		{ "--issuer-spki", NULL, &a.issuer, NULL },
		{ "--not-before", NULL, &a.range, NULL },
		{ "--csv", &a.csv, NULL, NULL },
	};
	int			rc;

	memset(&a, 0, sizeof(a));
	rc = opt_parse(&cmd_affected, opts, 4, argc, argv, &rest);
	if (rc == 0 && (rest.n != 0 || (a.file == NULL && a.issuer == NULL)))
		rc = cmd_usage(&cmd_affected, "needs --serials FILE or "
		    "--issuer-spki HASH");
	free(rest.v);
	if (rc != 0)
		return rc;
	p.csv = a.csv;
	/* The list is read as whoever called, then the user changes. */
	if (read_ask(&a, &q, &e) == -1 || cmd_become(ctx, &e) == -1 ||
	    cmd_db(ctx, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	if (a.csv && !ctx->json)
		(void)fputs(csv_head, stdout);
	if (affected_list(ctx->db, &q, print, &p, &e) == -1)
		rc = cmd_fail(&e);
	else
		progress(&p, &q);
out:
	serials_free(&a.serials);
	return rc;
}

const struct cmd cmd_affected = {
	.name = "affected",
	.args = "--serials FILE|- | --issuer-spki HASH [--not-before A..B] "
	    "[--csv]",
	.brief = "what a mass revocation takes from us, and how far its "
	    "replacement is",
	.help = "  certvigil affected --serials revoked.txt --csv > left.csv\n"
	    "  certvigil affected --issuer-spki 3f5c...e1 "
	    "--not-before 2026-10-01..2026-11-20\n\n"
	    "FILE has a serial number in hex on each line, or "
	    "ISSUER-SPKI:SERIAL, or is CSV\nwith a column `serial`, or what "
	    "openssl crl -text prints.  One line a certificate,\nwhat is left "
	    "to do first: left, unsure (there is a successor that nobody "
	    "declared\nand nobody serves), replaced, served (by our "
	    "endpoints); where it is served or\nlies, names, source or owner, "
	    "deadline, serial number, and the command that\nrenews it.\n",
	.run = run,
	.keep_user = 1,
};
