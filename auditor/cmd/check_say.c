#include "auditor/cmd/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/finding.h"
#include "base/clk.h"
#include "base/enc.h"
#include "pki/owner.h"

/* What comes of a check: findings, and how they are said. */

static void find(struct check *, const char *, const char *, int,
    const char *, ...) __attribute__((format(printf, 5, 6)));

static void
find(struct check *c, const char *kind, const char *severity, int bad,
    const char *fmt, ...)
{
	struct check_find	*f;
	va_list			 ap;

	if (c->nfind == CHECK_FINDINGS)
		return;
	f = &c->find[c->nfind++];
	f->kind = kind;
	f->severity = severity;
	f->bad = bad;
	va_start(ap, fmt);
	(void)vsnprintf(f->reason, sizeof(f->reason), fmt, ap);
	va_end(ap);
}

static int
trusted(const struct check *c)
{
	size_t	i;

	for (i = 0; i < c->said.npaths; i++)
		if (c->said.paths[i].verdict == CHAIN_TRUSTED)
			return 1;
	return 0;
}

/* --- findings -------------------------------------------------------------- */

static void
times(struct check *c)
{
	const struct judge_cert	*k = &c->said;
	int64_t			 life = k->not_after - k->not_before;
	int64_t			 left = k->not_after - c->at;
	char			 t[CLK_TEXT];

	(void)clk_text(k->not_after, t);
	/* notAfter itself is the last moment (RFC 5280 4.1.2.5) */
	if (left <= -CLK_SEC)
		find(c, "endpoint.expiring", "critical", 1,
		    "it expired at %s", t);
	else if (c->at < k->not_before)
		find(c, "chain.untrusted", "high", 1, "it is not valid "
		    "before %s", clk_text(k->not_before, t));
	else if (left < life / 6)
		find(c, "endpoint.expiring", "high", 0, "it expires at %s: "
		    "less than a sixth of its lifetime is left", t);
	else if (left < life / 3)
		find(c, "endpoint.expiring", "medium", 0, "it expires at %s: "
		    "less than a third of its lifetime is left", t);
}

static void
scts(struct check *c)
{
	const struct judge_cert	*k = &c->said;
	size_t			 i;
	int			 p;

	if (k->scts_reason[0] != '\0')
		find(c, "sct.invalid", "high", 1, "the SCT list: %s",
		    k->scts_reason);
	for (i = 0; i < k->nscts; i++) {
		if (k->scts[i].status == SCTS_BAD_SIGNATURE ||
		    k->scts[i].status == SCTS_MALFORMED)
			find(c, "sct.invalid", "high", 1, "SCT %zu (%s): %s",
			    i + 1, scts_status_name(k->scts[i].status),
			    k->scts[i].reason);
		else if (c->inclusion[i] == 0)
			find(c, "sct.not_included", "critical", 1, "SCT %zu: "
			    "the log has not included its entry: %s", i + 1,
			    c->included[i]);
	}
	/* without a list of logs nothing can be said of policies */
	for (p = 0; c->list.n != 0 && !k->is_precert && p < POLICY_PROGRAMS;
	    p++)
		if (k->compliant[p] == 0)
			find(c, "ct_policy.violated", "medium", 1, "%s: %s",
			    policy_name((enum policy_program)p),
			    k->policy[p]);
}

static void
revocation(struct check *c)
{
	char	t[CLK_TEXT];

	if (c->rev.status == REV_REVOKED)
		find(c, "certificate.revoked", "critical", 1, "revoked%s%s%s"
		    "%s", c->rev.stated_at != INT64_MIN ? " at " : "",
		    c->rev.stated_at != INT64_MIN ? clk_text(c->rev.stated_at,
		    t) : "", c->rev.reason != -1 ? ", " : "",
		    rev_reason_name(c->rev.reason));
	else if (c->rev.status == REV_UNKNOWN)
		c->unchecked = 1;
	if (c->rev.disagree)
		find(c, "revocation.disagreement", "high", 1,
		    "its sources contradict each other: %s", c->rev.why);
}

void
check_judge(struct check *c)
{
	const struct judge_cert	*k = &c->said;

	if (!trusted(c) && !k->is_precert)
		find(c, "chain.untrusted", "medium", 1, "no root program "
		    "trusts it: %s", k->npaths != 0 ? k->paths[0].reason :
		    k->chain_reason[0] != '\0' ? k->chain_reason :
		    "there is no path to a root");
	times(c);
	if (k->name_ok == 0)
		find(c, "endpoint.mismatch", "high", 1, "it is not for %s",
		    c->name);
	if (c->incomplete && trusted(c))
		find(c, "endpoint.incomplete_chain", "medium", 0, "what is "
		    "%s does not lead to a root by itself: a certificate "
		    "between is missing", c->host != NULL ? "served" :
		    "in the file");
	if (k->weak[0] != '\0')
		find(c, "key.weak", "high", 1, "its key is no secret (%s): "
		    "%s", k->weak, k->weak_why);
	scts(c);
	revocation(c);
	if (c->caa_said == 0)
		find(c, "caa.violated", "high", 0, "the records of today do "
		    "not allow this CA: %s", c->caa_why);
}

int
check_exit(const struct check *c)
{
	size_t	i;

	for (i = 0; i < c->nfind; i++)
		if (c->find[i].bad)
			return 2;
	return c->unchecked ? 1 : 0;
}

int
check_worse(int a, int b, int plugin)
{
	static const int	rank[] = { 0, 1, 3, 2 };

	if (plugin && a >= 0 && a < 4 && b >= 0 && b < 4)
		return rank[a] > rank[b];
	return a > b;
}

/* --- JSON ---------------------------------------------------------------------- */

static json_t *
hex(const void *p, size_t n)
{
	struct buf	b = BUF_INIT;
	json_t		*s;

	enc_hex(&b, p, n);
	s = json_string(buf_text(&b));
	buf_free(&b);
	return s;
}

static json_t *
when(int64_t us)
{
	char	t[CLK_TEXT];

	return us == INT64_MIN ? json_null() : json_string(clk_text(us, t));
}

/* Text of strangers; what is no UTF-8 is cleaned first. */
static json_t *
text(const char *s)
{
	char	*shown = cmd_clean(s);
	json_t	*v = json_string(shown);

	free(shown);
	return v != NULL ? v : json_string("");
}

static json_t *
chain_json(const struct check *c)
{
	json_t	*a = json_array(), *path;
	size_t	 i, h;

	for (i = 0; i < c->said.npaths; i++) {
		const struct judge_path	*p = &c->said.paths[i];

		path = json_array();
		for (h = 0; h + 32 <= p->hashes.n; h += 32)
			(void)json_array_append_new(path,
			    hex(p->hashes.p + h, 32));
		(void)json_array_append_new(a, json_pack(
		    "{so ss so so so ss}", "program", text(p->program),
		    "verdict", chain_verdict_name(p->verdict), "reason",
		    text(p->reason), "path", path, "until", when(p->until),
		    "at_issuance", chain_verdict_name(p->issued)));
	}
	/* a program to which no path leads says so too */
	for (i = 0; i < c->nprograms; i++) {
		for (h = 0; h < c->said.npaths; h++)
			if (strcmp(c->said.paths[h].program,
			    c->programs[i]->program) == 0)
				break;
		if (h == c->said.npaths)
			(void)json_array_append_new(a, json_pack(
			    "{ss ss so s[] sn ss}", "program",
			    c->programs[i]->program, "verdict",
			    c->said.is_precert ? "unknown" : "untrusted",
			    "reason", text(c->said.is_precert ?
			    "a precertificate is good for nobody (RFC 6962 "
			    "3.1)" : c->said.chain_reason[0] != '\0' ?
			    c->said.chain_reason : "there is no path to a "
			    "root"), "path", "until", "at_issuance",
			    "unknown"));
	}
	return a;
}

static json_t *
scts_json(const struct check *c)
{
	static const char *const	in[] = { "unchecked", "absent",
	    "proved" };
	json_t				*a = json_array();
	struct buf			 id = BUF_INIT;
	size_t				 i;

	for (i = 0; i < c->said.nscts; i++) {
		const struct judge_sct	*s = &c->said.scts[i];

		buf_reset(&id);
		enc_b64(&id, s->log_id, 32);
		(void)json_array_append_new(a, json_pack(
		    "{ss sI ss ss so ss so}", "log_id", buf_text(&id),
		    "timestamp", (json_int_t)s->timestamp, "source",
		    scts_source_name(s->source), "status",
		    scts_status_name(s->status), "reason", text(s->reason),
		    "inclusion", in[c->inclusion[i] + 1], "inclusion_reason",
		    text(c->included[i])));
	}
	buf_free(&id);
	return a;
}

static json_t *
policy_json(const struct check *c, enum policy_program p)
{
	int	v = c->list.n == 0 ? -1 : c->said.compliant[p];

	return json_pack("{so so}", "compliant", v == -1 ? json_null() :
	    json_boolean(v), "reason", text(c->list.n == 0 ?
	    c->list_why : c->said.policy[p]));
}

static json_t *
revocation_json(const struct check *c)
{
	json_t	*a = json_array();
	size_t	 i;

	for (i = 0; i < c->nsource; i++) {
		const struct check_source	*s = &c->source[i];

		(void)json_array_append_new(a, json_pack("{ss so ss so sb}",
		    "kind", s->kind == REV_CRL ? "crl" : "ocsp",
		    s->is_file ? "file" : "url", text(s->where), "status",
		    rev_name(s->status), "refusal", text(s->refusal),
		    "required", s->required));
	}
	return json_pack("{ss ss so so so}", "status",
	    rev_name(c->rev.status), "reason",
	    rev_reason_name(c->rev.reason), "stated_at",
	    when(c->rev.stated_at), "why", text(c->rev.why), "sources", a);
}

json_t *
check_json(const struct check *c)
{
	const struct judge_cert	*k = &c->said;
	json_t			*o, *names = json_array();
	json_t			*finds = json_array();
	size_t			 i;

	for (i = 0; i < k->nnames; i++)
		(void)json_array_append_new(names, text(k->names[i]));
	for (i = 0; i < c->nfind; i++)
		(void)json_array_append_new(finds, json_pack("{ss ss so}",
		    "kind", c->find[i].kind, "severity", c->find[i].severity,
		    "reason", text(c->find[i].reason)));
	o = json_pack("{so so so so so so s{so so} so so}",
	    "target", text(c->target), "tbs_sha256", hex(k->tbs_sha256, 32),
	    "cert_sha256", hex(k->cert_sha256, 32), "names", names, "chain",
	    chain_json(c), "scts", scts_json(c), "ct_policy", "chrome",
	    policy_json(c, POLICY_CHROME), "apple",
	    policy_json(c, POLICY_APPLE), "revocation", revocation_json(c),
	    "findings", finds);
	(void)json_object_update_new(o, json_pack("{so so so so so si}",
	    "subject", text(k->subject), "issuer", text(k->issuer), "serial",
	    text(k->serial), "not_before", when(k->not_before), "not_after",
	    when(k->not_after), "exit", check_exit(c)));
	if (c->host != NULL)
		(void)json_object_update_new(o, json_pack("{so ss}", "addr",
		    text(c->addr), "tls_version", c->tls));
	(void)json_object_set_new(o, "caa", json_pack("{so so so}",
	    "allowed", c->caa_said == -1 ? json_null() :
	    json_boolean(c->caa_said), "at", text(c->caa.at), "reason",
	    text(c->caa_why)));
	return o;
}

/* --- words ------------------------------------------------------------------------ */

static void
row(struct buf *b, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
row(struct buf *b, const char *key, const char *fmt, ...)
{
	char	line[700];
	va_list	ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	buf_fmt(b, "  %-12s %s\n", key, line);
}

static void
text_chain(const struct check *c, struct buf *b)
{
	char	t[CLK_TEXT];
	size_t	i, h;

	for (i = 0; i < c->nprograms; i++) {
		for (h = 0; h < c->said.npaths; h++)
			if (strcmp(c->said.paths[h].program,
			    c->programs[i]->program) == 0)
				break;
		if (h == c->said.npaths)
			row(b, i == 0 ? "chain" : "", "%s: untrusted: %s",
			    c->programs[i]->program,
			    c->said.chain_reason[0] != '\0' ?
			    c->said.chain_reason : "no path to a root");
		else if (c->said.paths[h].verdict == CHAIN_TRUSTED)
			row(b, i == 0 ? "chain" : "", "%s: trusted until %s "
			    "(%zu certificates)", c->programs[i]->program,
			    clk_text(c->said.paths[h].until, t),
			    c->said.paths[h].hashes.n / 32);
		else
			row(b, i == 0 ? "chain" : "", "%s: %s: %s",
			    c->programs[i]->program, chain_verdict_name(
			    c->said.paths[h].verdict),
			    c->said.paths[h].reason);
	}
}

static void
text_scts(const struct check *c, struct buf *b)
{
	char	t[CLK_TEXT];
	size_t	i;
	int	p;

	for (i = 0; i < c->said.nscts; i++) {
		const struct judge_sct	*s = &c->said.scts[i];

		row(b, i == 0 ? "SCTs" : "", "%s, %s (%s)%s%s%s%s",
		    clk_text((int64_t)s->timestamp * 1000, t),
		    scts_status_name(s->status), scts_source_name(s->source),
		    s->reason[0] != '\0' ? ": " : "", s->reason,
		    c->included[i][0] != '\0' ? "; inclusion: " : "",
		    c->included[i]);
	}
	if (c->said.nscts == 0)
		row(b, "SCTs", "none");
	for (p = 0; p < POLICY_PROGRAMS; p++)
		row(b, p == 0 ? "CT policy" : "", "%s: %s",
		    policy_name((enum policy_program)p), c->list.n == 0 ?
		    c->list_why : c->said.policy[p]);
}

void
check_text(const struct check *c, struct buf *b)
{
	const struct judge_cert	*k = &c->said;
	char			 from[CLK_TEXT], to[CLK_TEXT];
	size_t			 i;
	int			 rc = check_exit(c);

	buf_fmt(b, "%s: %s\n", c->target, rc == 0 ? "good" : rc == 1 ?
	    "not all of it could be checked" : "BAD");
	row(b, "names", "%s%s%s", k->nnames != 0 ? k->names[0] : "none",
	    k->nnames > 1 ? ", " : "", k->nnames > 1 ? k->names[1] : "");
	if (k->nnames > 2)
		row(b, "", "and %zu more", k->nnames - 2);
	row(b, "issuer", "%s", k->issuer);
	row(b, "valid", "%s to %s", clk_text(k->not_before, from),
	    clk_text(k->not_after, to));
	row(b, "serial", "%s, key %s", k->serial, k->key_type);
	if (c->host != NULL)
		row(b, "served at", "%s, %s", c->addr, c->tls);
	text_chain(c, b);
	text_scts(c, b);
	row(b, "revocation", "%s: %s", rev_name(c->rev.status), c->rev.why);
	for (i = 0; i < c->nsource; i++)
		row(b, "", "%s %s: %s%s%s", c->source[i].kind == REV_CRL ?
		    "CRL" : "OCSP", c->source[i].where,
		    rev_name(c->source[i].status),
		    c->source[i].refusal[0] != '\0' ? ", " : "",
		    c->source[i].refusal);
	if (c->caa_why[0] != '\0')
		row(b, "CAA", "%s%s", c->caa_said == 1 ? "allowed: " :
		    c->caa_said == 0 ? "NOT allowed: " : "", c->caa_why);
	for (i = 0; i < c->nfind; i++)
		row(b, i == 0 ? "findings" : "", "%s (%s): %s",
		    c->find[i].kind, c->find[i].severity, c->find[i].reason);
}

int
check_plugin(const struct check *c, struct buf *b)
{
	static const char *const	word[] = { "OK", "WARNING",
	    "CRITICAL", "UNKNOWN" };
	const struct check_find		*worst = NULL;
	int64_t				 days;
	size_t				 i;
	int				 rc = check_exit(c), st;

	for (i = 0; i < c->nfind && worst == NULL; i++)
		if (c->find[i].bad)
			worst = &c->find[i];
	st = rc == 2 ? 2 : c->nfind != 0 ? 1 : rc == 1 ? 3 : 0;
	if (worst == NULL && c->nfind != 0)
		worst = &c->find[0];
	days = (c->said.not_after - c->at) / (86400 * CLK_SEC);
	buf_fmt(b, "CERTVIGIL %s - %s: ", word[st], c->target);
	if (worst != NULL)
		buf_fmt(b, "%s: %s", worst->kind, worst->reason);
	else if (rc == 1)
		buf_fmt(b, "revocation is not known: %s", c->rev.why);
	else
		buf_str(b, "good");
	/* what follows the first bar is figures, and nothing of strangers */
	for (i = 0; i < b->n; i++)
		if (b->p[i] == '|')
			b->p[i] = '/';
	buf_fmt(b, " | days_left=%" PRId64 ";;;; scts=%zu;;;; findings=%zu"
	    ";;;;\n", days, c->said.nscts, c->nfind);
	return st;
}
