#include "auditor/cmd/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/cmd/opt.h"
#include "auditor/role/audit_trust.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/name.h"
#include "pki/roots.h"

/* One certificate, of a file or as a host serves it: is it good? */

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_check = {
	.name = "check",
	.args = "[--offline] [--plugin] [--at RFC3339] [--name HOST] "
	    "[--roots PEM] [--intermediates PEM] [--log-list FILE] "
	    "[--crl FILE]... [--ocsp FILE]... TARGET...",
	.brief = "chain, SCTs, CT policy, revocation of a file or host",
	.help = "  certvigil check www.example.com\n"
	    "  certvigil check mail.example.com:25        with STARTTLS\n"
	    "  certvigil check fullchain.pem --name www.example.com\n"
	    "  certvigil check --offline cert.pem --roots ca.pem --crl ca.crl\n"
	    "  certvigil check --plugin www.example.com   for Nagios and its "
	    "like\n\n"
	    "Judges the first certificate of a file (PEM, DER, PKCS #7), or\n"
	    "what a host serves: chain in each root program, SCTs and their\n"
	    "inclusion, CT policies, OCSP, CRL, expiry, key, CAA.  With --crl\n"
	    "or --ocsp these files are the sources that count, else those that\n"
	    "the certificate names.  --at judges as of another time.  Needs\n"
	    "neither database nor configuration; of a configuration that is\n"
	    "there, egress, log_list, audit and fetch count.\n"
	    "Exits with 0 when it is good, 1 when something could not be\n"
	    "checked (offline: its revocation), 2 when it is bad.\n",
	.no_conf = 1,
	.run = run,
};

struct given {
	const char	*at, *name, *roots, *between, *list;
	int		 offline, plugin;
	struct opt_list	 crl, ocsp, rest;
};

/* Is it meant as a file, though there may be none? */
static int
file_like(const char *target)
{
	static const char *const	ends[] = { ".pem", ".crt", ".cer",
					    ".der", ".p7b", ".p7c" };
	size_t				i, n = strlen(target), k;

	if (access(target, F_OK) == 0 || strchr(target, '/') != NULL ||
	    strcmp(target, "-") == 0)
		return 1;
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (n > (k = strlen(ends[i])) &&
		    strcasecmp(target + n - k, ends[i]) == 0)
			return 1;
	return 0;
}

/* Is it a host, and not a file?  Fills in host, port, starttls. */
static int
host_of(struct check *c, const char *target, struct err *e)
{
	char		 host[300], canon[NAME_TEXT];
	const char	*colon = strrchr(target, ':');
	long		 port = 443;
	char		*end;

	if (file_like(target))
		return 0;
	if (strlen(target) >= sizeof(host))
		return err_set(e, ERR_USAGE, "`%.100s...` is too long for "
		    "the name of a host", target);
	(void)snprintf(host, sizeof(host), "%s", target);
	if (target[0] == '[' && strchr(target, ']') != NULL) {
		(void)snprintf(host, sizeof(host), "%.*s",
		    (int)strcspn(target + 1, "]"), target + 1);
		colon = strchr(target, ']')[1] == ':' ?
		    strchr(target, ']') + 1 : NULL;
	} else if (colon != NULL && strchr(target, ':') == colon)
		host[colon - target] = '\0';
	else
		colon = NULL;
	if (colon != NULL) {
		port = strtol(colon + 1, &end, 10);
		if (*end != '\0' || port < 1 || port > 65535)
			return err_set(e, ERR_USAGE, "`%.100s`: the port is "
			    "1 to 65535", target);
	}
	if (strchr(host, ':') == NULL && name_canon(host, strlen(host), canon,
	    NULL) == 0)
		(void)snprintf(host, sizeof(host), "%s", canon);
	else if (strchr(host, ':') == NULL)
		return err_set(e, ERR_USAGE, "`%.100s` is neither a file nor "
		    "the name of a host", target);
	c->host = mem_str(host);
	c->port = (uint16_t)port;
	c->starttls = port == 25 || port == 587 ? PROBE_SMTP :
	    port == 143 ? PROBE_IMAP : PROBE_PLAIN;
	return 1;
}

static int
programs(struct check *c, const char *roots, struct err *e)
{
	struct buf	 b = BUF_INIT;
	int		 rc = -1;

	if (roots == NULL)
		return audit_trust_programs(c->conf, &c->programs,
		    &c->nprograms, e);
	c->programs = mem_array(1, sizeof(*c->programs));
	c->programs[c->nprograms++] = roots_new("given");
	if (opt_file(roots, LIMIT_ROOTS, &b, e) == 0 &&
	    roots_pem(c->programs[0], buf_bytes(&b), NULL, e) != -1) {
		roots_done(c->programs[0]);
		rc = 0;
	}
	buf_free(&b);
	return rc == -1 ? err_prefix(e, "--roots %s", roots) : 0;
}

/* The list of logs: a file, that of the configuration, or Chrome's. */
static int
logs(struct check *c, const char *given, struct err *e)
{
	struct loglist	*l = NULL;
	struct err	 why = ERR_INIT;
	const char	*path = given != NULL ? given :
	    c->conf->log_list_file;

	(void)snprintf(c->list_why, sizeof(c->list_why),
	    "no list of logs was given (--log-list)");
	if (path != NULL) {
		if (opt_file(path, LIMIT_BODY_LOGLIST, &c->list, e) == -1)
			return -1;
	} else if (!c->offline)
		check_fetch_list(c);
	if (c->list.n == 0)
		return 0;
	/* a list that is fetched is signed, and counts only then */
	if (check_list(c, &l, &why) == -1) {
		if (path != NULL)
			return err_set(e, ERR_CONF, "%s: %s", path, why.msg);
		buf_reset(&c->list);
		(void)snprintf(c->list_why, sizeof(c->list_why),
		    "Chrome's list of logs: %.200s", why.msg);
	}
	loglist_free(l);
	return 0;
}

static void
check_free(struct check *c)
{
	size_t	i;

	check_net_free(c);
	if (c->have)
		judge_cert_free(&c->said);
	for (i = 0; i < c->nprograms; i++)
		roots_free(c->programs[i]);
	free(c->programs);
	for (i = 0; i < c->nsource; i++)
		free(c->source[i].where);
	free(c->source);
	free(c->host);
	buf_free(&c->list);
	buf_free(&c->list_sig);
	buf_free(&c->file);
	buf_free(&c->extra);
	buf_free(&c->more);
	buf_free(&c->tls_scts);
	buf_free(&c->ocsp_scts);
	buf_free(&c->staple);
	buf_free(&c->raw);
	caa_free(&c->caa);
	free(c);
}

/* Does any program trust it? */
static int
trusted(const struct check *c)
{
	size_t	i;

	for (i = 0; i < c->said.npaths; i++)
		if (c->said.paths[i].verdict == CHAIN_TRUSTED)
			return 1;
	return 0;
}

/* All questions about one certificate. */
static int
ask(struct check *c, struct err *e)
{
	int	round;

	if (check_look(c, e) == -1)
		return -1;
	/* a cross-signed one may be behind the one that is missing */
	for (round = 0; round < 3 && !c->offline && !trusted(c) &&
	    c->said.nwant != 0; round++) {
		if (check_issuers(c) == 0)
			break;
		c->incomplete = 1;
		if (check_look(c, e) == -1)
			return -1;
	}
	check_sources(c);
	/* an answer that is at hand may bring SCTs (RFC 6962 3.3) */
	if (c->ocsp_scts.n != 0 && check_look(c, e) == -1)
		return -1;
	memset(c->inclusion, 0xff, sizeof(c->inclusion));
	if (!c->offline)
		check_inclusion(c);
	check_caa(c);
	check_judge(c);
	return 0;
}

/* Say it; the exit status. */
static int
say(const struct check *c)
{
	struct buf	b = BUF_INIT;
	int		rc = check_exit(c);

	if (c->plugin)
		rc = check_plugin(c, &b);
	if (c->json)
		cmd_json(check_json(c));
	else {
		if (!c->plugin)
			check_text(c, &b);
		cmd_lines(buf_text(&b));
	}
	buf_free(&b);
	return rc;
}

/* It could not even be looked at. */
static int
failed(const struct check *c, const struct err *e)
{
	char	*shown;

	if (!c->plugin)
		return e->code == ERR_USAGE || e->code == ERR_CONF ?
		    cmd_fail(e) : (cmd_fail(e), e->code == ERR_FORMAT ? 2 : 1);
	shown = cmd_clean(e->msg);
	(void)printf("CERTVIGIL %s - %s\n", e->code == ERR_NET ? "CRITICAL" :
	    "UNKNOWN", shown);
	free(shown);
	return e->code == ERR_NET ? 2 : 3;
}

static int
one(struct cmd_ctx *ctx, struct conf *conf, const struct given *g,
    const char *target)
{
	struct check	*c = mem_zero(sizeof(*c));
	struct err	 e = ERR_INIT;
	int		 rc = -1, is_host;

	c->conf = conf;
	c->offline = g->offline;
	c->plugin = g->plugin;
	c->json = ctx->json;
	c->quiet = ctx->quiet;
	c->at = clk_wall();
	c->target = target;
	c->name = g->name;
	c->crl = g->crl.v;
	c->ncrl = g->crl.n;
	c->ocsp = g->ocsp.v;
	c->nocsp = g->ocsp.n;
	c->caa_said = -1;
	is_host = host_of(c, target, &e);
	if (is_host == -1 || programs(c, g->roots, &e) == -1 ||
	    logs(c, g->list, &e) == -1)
		goto out;
	if (g->between != NULL && opt_file(g->between, LIMIT_BODY_AIA,
	    &c->extra, &e) == -1)
		goto out;
	if (is_host && c->offline) {
		(void)err_set(&e, ERR_USAGE, "`%.100s` is no file, and "
		    "--offline asks no host", target);
		goto out;
	}
	if (is_host && c->name == NULL)
		c->name = c->host;
	if (is_host ? check_serve(c, &e) == -1 : opt_file(target,
	    LIMIT_BODY_AIA, &c->file, &e) == -1)
		goto out;
	rc = ask(c, &e);
out:
	rc = rc == -1 ? failed(c, &e) : say(c);
	check_free(c);
	return rc;
}

static int
all(struct cmd_ctx *ctx, const struct given *g)
{
	struct conf	*conf;
	struct err	 e = ERR_INIT;
	int64_t		 at;
	size_t		 i;
	int		 rc = 0, r;

	if (g->at != NULL) {
		if (clk_parse(g->at, &at) == -1)
			return cmd_usage(&cmd_check, "--at takes RFC 3339, "
			    "such as 2026-11-22T12:00:00Z");
		clk_fix(at);
	}
	conf = conf_load(ctx->config_path, &e);
	if (conf == NULL)
		return cmd_fail(&e);
	for (i = 0; i < g->rest.n; i++) {
		if (i != 0 && !ctx->json && !g->plugin)
			(void)putchar('\n');
		(void)fflush(stdout);
		r = one(ctx, conf, g, g->rest.v[i]);
		if (check_worse(r, rc, g->plugin))
			rc = r;
	}
	conf_free(conf);
	return rc;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct given		g;
	const struct opt	opts[] = {
		{ "--offline", &g.offline, NULL, NULL },
		{ "--plugin", &g.plugin, NULL, NULL },
		{ "--at", NULL, &g.at, NULL },
		{ "--name", NULL, &g.name, NULL },
		{ "--roots", NULL, &g.roots, NULL },
		{ "--intermediates", NULL, &g.between, NULL },
		{ "--log-list", NULL, &g.list, NULL },
		{ "--crl", NULL, NULL, &g.crl },
		{ "--ocsp", NULL, NULL, &g.ocsp },
	};
	int			rc;

	memset(&g, 0, sizeof(g));
	rc = opt_parse(&cmd_check, opts, sizeof(opts) / sizeof(opts[0]), argc,
	    argv, &g.rest);
	if (rc == 0 && g.rest.n == 0)
		rc = cmd_usage(&cmd_check, "a file or a host is needed");
	else if (rc == 0)
		rc = all(ctx, &g);
	free(g.rest.v);
	free(g.crl.v);
	free(g.ocsp.v);
	return rc;
}
