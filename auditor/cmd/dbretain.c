#include "auditor/cmd/dbretain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

struct retain
dbretain_conf(const struct cmd_ctx *ctx, int dry)
{
	struct retain	t = { ctx->conf->retain_certificates,
	    ctx->conf->retain_deliveries, dry };

	return t;
}

/* All of it, batch by batch. */
static int
turns(struct cmd_ctx *ctx, const struct retain *t, struct buf *b,
    struct err *e)
{
	int	more = 1;

	while (more)
		if (retain_turn(ctx->db, t, b, &more, e) == -1)
			return -1;
	return 0;
}

/* A line of text is an object of its own in JSON. */
static void
said_json(struct buf *b, int dry)
{
	char	*p, *save = NULL;

	for (p = strtok_r((char *)(uintptr_t)buf_text(b), "\n", &save);
	    p != NULL; p = strtok_r(NULL, "\n", &save))
		cmd_json(json_pack("{s:b, s:s}", "dry_run", dry, "text", p));
}

int
dbretain(struct cmd_ctx *ctx, int dry)
{
	struct retain	t = dbretain_conf(ctx, dry);
	struct buf	b = BUF_INIT;
	struct err	e = ERR_INIT;
	int		rc = 0;

	if (cmd_db(ctx, &e) == -1 || turns(ctx, &t, &b, &e) == -1)
		rc = cmd_fail(&e);
	if (ctx->json)
		said_json(&b, dry);
	else
		(void)fputs(buf_text(&b), stdout);
	if (rc == 0 && b.n == 0 && !ctx->quiet)
		(void)fprintf(stderr, "certvigil: nothing is due; certificates "
		    "are kept for %" PRId64 " days behind their end, messages "
		    "for %" PRId64 " days\n", t.certificates / 86400,
		    t.deliveries / 86400);
	buf_free(&b);
	return rc;
}
