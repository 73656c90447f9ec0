#include "auditor/alert/exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

void
exec_cert_free(struct exec_cert *c)
{
	free(c->log_uri);
	free(c->cert_type);
	free(c->leaf_hash);
	free(c->cert_sha256);
	free(c->spki_sha256);
	free(c->serial);
	json_decref(c->names);
	buf_free(&c->pem);
	memset(c, 0, sizeof(*c));
}

void
exec_env_add(struct exec_env *env, const char *name, const char *value)
{
	struct buf b = BUF_INIT;
	size_t n;

	n = strnlen(value, LIMIT_EXEC_VAR);
	/* not inside a character */
	while (n > 0 && ((unsigned char)value[n] & 0xc0) == 0x80)
		n--;
	buf_fmt(&b, "%s=", name);
	buf_add(&b, value, n);
	env->v = mem_grow(env->v, &env->cap, env->n + 2, sizeof(*env->v));
	env->v[env->n++] = (char *)buf_detach(&b, NULL);
	env->v[env->n] = NULL;
}

void
exec_env_free(struct exec_env *env)
{
	size_t i;

	for (i = 0; i < env->n; i++)
		free(env->v[i]);
	free(env->v);
	memset(env, 0, sizeof(*env));
}

/* Hostile text for a shell variable: control characters written out. */
static void
add_clean(struct exec_env *env, const char *name, const char *value)
{
	struct buf b = BUF_INIT;

	if (value == NULL || value[0] == '\0')
		return;
	message_clean(&b, value, LIMIT_EXEC_VAR - 1, "");
	exec_env_add(env, name, buf_text(&b));
	buf_free(&b);
}

static void
add_number(struct exec_env *env, const char *name, int64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	exec_env_add(env, name, text);
}

/* NAME, NAME_UNIXTIME, NAME_RFC3339 in certspotter's (Go's) forms. */
static void
add_time(struct exec_env *env, const char *name, int64_t us)
{
	char var[64], text[64];
	struct tm tm;
	time_t t;

	if (us == INT64_MIN)
		return;
	t = (time_t)(us / CLK_SEC);
	if (gmtime_r(&t, &tm) == NULL)
		return;
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S +0000 UTC", &tm);
	exec_env_add(env, name, text);
	snprintf(var, sizeof(var), "%s_UNIXTIME", name);
	add_number(env, var, (int64_t)t);
	snprintf(var, sizeof(var), "%s_RFC3339", name);
	exec_env_add(env, var, clk_text(us, text));
}

static const char *
event_name(const struct message *m, const char *kind)
{
	if (strcmp(m->purpose, "finding") != 0)
		return m->purpose;
	if (strcmp(m->event, "opened") != 0 &&
	    strcmp(m->event, "escalated") != 0)
		return m->event;
	if (strcmp(kind, "certificate.malformed") == 0)
		return "malformed_cert";
	if (strncmp(kind, "certificate.", 12) == 0 ||
	    strncmp(kind, "key.", 4) == 0)
		return "discovered_cert";
	return "error";
}

static void
add_names(struct exec_env *env, const json_t *names)
{
	struct buf b = BUF_INIT, one = BUF_INIT;
	const char *p;
	size_t i;

	for (i = 0; i < json_array_size(names); i++) {
		if (i > 0)
			buf_u8(&b, ',');
		buf_reset(&one);
		message_clean(&one, json_string_value(json_array_get(names,
		    i)), 500, "");
		/* a comma in a name must not make two of it */
		for (p = buf_text(&one); *p != '\0'; p++)
			if (*p == ',')
				buf_str(&b, "\\x2c");
			else
				buf_u8(&b, (uint8_t)*p);
	}
	if (b.n > 0)
		exec_env_add(env, "DNS_NAMES", buf_text(&b));
	buf_free(&b);
	buf_free(&one);
}

static void
add_dn(struct exec_env *env, const char *name, const char *value)
{
	char var[64];

	if (value[0] != '\0') {
		snprintf(var, sizeof(var), "%s_DN", name);
		add_clean(env, var, value);
		return;
	}
	snprintf(var, sizeof(var), "%s_PARSE_ERROR", name);
	exec_env_add(env, var, "not kept with this finding");
}

static void
add_cert(struct exec_env *env, const json_t *f, const struct exec_cert *c)
{
	const json_t *detail;

	if (c->log_uri != NULL) {
		add_clean(env, "LOG_URI", c->log_uri);
		add_number(env, "ENTRY_INDEX", c->index);
		add_clean(env, "LEAF_HASH", c->leaf_hash);
		add_clean(env, "CERT_TYPE", c->cert_type);
	}
	add_clean(env, "CERT_SHA256", c->cert_sha256);
	if (c->spki_sha256 == NULL) {
		exec_env_add(env, "CERT_PARSEABLE", "no");
		add_clean(env, "PARSE_ERROR", message_get(f, "reason"));
		return;
	}
	exec_env_add(env, "CERT_PARSEABLE", "yes");
	add_clean(env, "PUBKEY_SHA256", c->spki_sha256);
	add_clean(env, "SERIAL", c->serial);
	add_time(env, "NOT_BEFORE", c->not_before);
	add_time(env, "NOT_AFTER", c->not_after);
	add_names(env, c->names);
	detail = json_object_get(f, "detail");
	add_dn(env, "SUBJECT", message_get(detail, "subject"));
	add_dn(env, "ISSUER", message_get(detail, "issuer"));
}

void
exec_env_fill(struct exec_env *env, const struct message *m,
    const struct exec_cert *c)
{
	static const struct {
		const char	*var;
		const char	*key;
	} vars[] = {
		{ "CERTVIGIL_KIND", "kind" },
		{ "CERTVIGIL_SEVERITY", "severity" },
		{ "CERTVIGIL_STATE", "state" },
		{ "CERTVIGIL_OWNER", "owner" },
		{ "CERTVIGIL_NAME", "name" },
		{ "CERTVIGIL_SUBJECT", "subject" },
		{ "CERTVIGIL_REASON", "reason" },
		{ "CERTVIGIL_ISSUER_OWNER", "issuer_owner" },
		{ "WATCH_ITEM", "watch" },
	};
	struct buf sum = BUF_INIT;
	const json_t *f;
	char when[CLK_TEXT];
	size_t i;

	f = json_array_get(m->findings, 0);
	exec_env_add(env, "EVENT", event_name(m, message_get(f, "kind")));
	message_summary(m, 1024, &sum);
	exec_env_add(env, "SUMMARY", buf_text(&sum));
	buf_free(&sum);
	exec_env_add(env, "CERTVIGIL_ID", m->id);
	exec_env_add(env, "CERTVIGIL_EVENT",
	    m->event == NULL ? m->purpose : m->event);
	exec_env_add(env, "CERTVIGIL_TIME", clk_text(m->at, when));
	if (f == NULL)
		return;
	add_number(env, "CERTVIGIL_FINDING",
	    json_integer_value(json_object_get(f, "id")));
	for (i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		add_clean(env, vars[i].var, message_get(f, vars[i].key));
	if (c == NULL)
		return;
	add_clean(env, "TBS_SHA256", message_get(f, "subject"));
	add_cert(env, f, c);
}

static json_t *
time_json(int64_t us)
{
	char text[CLK_TEXT];

	return us == INT64_MIN ? json_null() : json_string(clk_text(us, text));
}

/* Is it an address: digits and dots, or with a colon? */
static int
is_ip(const char *s)
{
	return strchr(s, ':') != NULL || s[strspn(s, "0123456789.")] == '\0';
}

void
exec_json(const struct message *m, const struct exec_cert *c, struct buf *out)
{
	json_t *o, *dns, *ip, *v;
	size_t i;
	char *s;

	dns = json_array();
	ip = json_array();
	json_array_foreach(c->names, i, v) {
		if (json_string_value(v) != NULL)
			json_array_append(is_ip(json_string_value(v)) ? ip :
			    dns, v);
	}
	o = json_pack("{s:s, s:s?, s:o, s:o, s:o, s:o}", "tbs_sha256",
	    message_get(json_array_get(m->findings, 0), "subject"),
	    "pubkey_sha256", c->spki_sha256, "dns_names", dns,
	    "ip_addresses", ip, "not_before", time_json(c->not_before),
	    "not_after", time_json(c->not_after));
	s = json_dumps(o, 0);
	if (s == NULL)
		abort();
	buf_str(out, s);
	buf_str(out, "\n");
	free(s);
	json_decref(o);
}
