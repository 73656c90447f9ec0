#include "ctlog/loglist.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/clk.h"
#include "base/enc.h"
#include "base/http.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/jsn.h"

#define MMD_DEFAULT 86400	/* of the schema of the v3 list */

/*
 * Chrome's log_list_pubkey.pem.  The SHA-256 of its SubjectPublicKeyInfo is
 * f1d8b68e50210d8e73d9a3e97f571773c52d7f28c0b1a71beee81d8562e6fd85.
 */
static const char chrome_key[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAsu0BHGnQ++W2CTdyZyxv\n"
    "HHRALOZPlnu/VMVgo2m+JZ8MNbAOH2cgXb8mvOj8flsX/qPMuKIaauO+PwROMjiq\n"
    "fUpcFm80Kl7i97ZQyBDYKm3MkEYYpGN+skAR2OebX9G2DfDqFY8+jUpOOWtBNr3L\n"
    "rmVcwx+FcFdMjGDlrZ5JRmoJ/SeGKiORkbbu9eY1Wd0uVhz/xI5bQb0OgII7hEj+\n"
    "i/IPbJqOHgB8xQ5zWAJJ0DmG+FM6o7gk403v6W3S8qRYiR84c50KppGwe4YqSMkF\n"
    "bLDleGQWLoaDSpEWtESisb4JiLaY4H+Kk0EyAhPSb+49JfUozYl+lf7iFN3qRq/S\n"
    "IXXTh6z0S7Qa8EYDhKGCrpI03/+qprwy+my6fpWHi6aUIk4holUCmWvFxZDfixox\n"
    "K0RlqbFDl2JXMBquwlQpm8u5wrsic1ksIv9z8x9zh4PJqNpCah0ciemI3YGRQqSe\n"
    "/mRRXBiSn9YQBUPcaeqCYan+snGADFwHuXCd9xIAdFBolw9R9HTedHGUfVXPJDiF\n"
    "4VusfX6BRR/qaadB+bqEArF/TzuDUr6FvOR4o8lUUxgLuZ/7HO+bHnaPFKYHHSm+\n"
    "+z1lVDhhYuSZ8ax3T0C3FZpb7HMjZtpEorSV5ElKJEJwrhrBCMOD8L01EoSPrGlS\n"
    "1w22i9uGHMn/uGQKo28u7AsCAwEAAQ==\n"
    "-----END PUBLIC KEY-----\n";

/* Logs whose private keys are public: they mimic logs in frozen lists. */
static const char *const mimics[] = {
	"9EGV1vAOLbVUNcrdV3iS5T4VrUFwWPh44U/2uRh0FYk=",
	"si9+3rWvav5QPeBAgbLXTBJThJL+3yyypSZQPO9TztI=",
};

static const char *const states[] = {
	[LOGLIST_UNSTATED]	= "unstated",
	[LOGLIST_PENDING]	= "pending",
	[LOGLIST_QUALIFIED]	= "qualified",
	[LOGLIST_USABLE]	= "usable",
	[LOGLIST_READONLY]	= "readonly",
	[LOGLIST_RETIRED]	= "retired",
	[LOGLIST_REJECTED]	= "rejected",
};
#define NSTATES (sizeof(states) / sizeof(states[0]))

_Static_assert(NSTATES == LOGLIST_REJECTED + 1, "every state has a name");

const char *
loglist_state_name(enum loglist_state s)
{
	return (size_t)s < NSTATES ? states[s] : "unknown";
}

const char *
loglist_protocol_name(enum loglist_protocol p)
{
	return p == LOGLIST_STATIC ? "static" : "rfc6962";
}

static void
log_free(struct loglist_log *l)
{
	size_t	i;

	for (i = 0; i < l->nformer; i++)
		free(l->former[i].name);
	free(l->former);
	free(l->operator);
	free(l->description);
	free(l->key);
	free(l->url);
	free(l->submit_url);
}

void
loglist_free(struct loglist *ll)
{
	size_t	i;

	if (ll == NULL)
		return;
	for (i = 0; i < ll->nlogs; i++)
		log_free(&ll->logs[i]);
	for (i = 0; i < ll->nrefused; i++)
		free(ll->refused[i]);
	free(ll->logs);
	free(ll->refused);
	free(ll->version);
	free(ll);
}

const struct loglist_log *
loglist_find(const struct loglist *ll, const uint8_t log_id[32])
{
	size_t	i;

	for (i = 0; i < ll->nlogs; i++)
		if (memcmp(ll->logs[i].log_id, log_id, 32) == 0)
			return &ll->logs[i];
	return NULL;
}

/* --- one log --- */

/* An RFC 3339 time; absent is 0. */
static int
read_time(const json_t *o, const char *key, int64_t *out, struct err *e)
{
	const json_t	*v = json_object_get(o, key);

	*out = 0;
	if (v == NULL)
		return 0;
	if (!json_is_string(v) || clk_parse(json_string_value(v), out) == -1)
		return err_set(e, ERR_FORMAT,
		    "%s: must be a time as in RFC 3339", key);
	return 0;
}

/* A copy of a base URL that ends with a slash. */
static int
read_url(const json_t *o, const char *key, char **out, struct err *e)
{
	const char	*s, *host;
	size_t		 n, i;

	s = json_string_value(json_object_get(o, key));
	if (s == NULL)
		return err_set(e, ERR_FORMAT, "%s: missing", key);
	host = strncasecmp(s, "https://", 8) == 0 ? s + 8 :
	    strncasecmp(s, "http://", 7) == 0 ? s + 7 : NULL;
	if (host == NULL)
		return err_set(e, ERR_FORMAT,
		    "%s: must begin with https:// or http://", key);
	n = strlen(s);
	if (n > HTTP_URL_MAX / 2)
		return err_set(e, ERR_LIMIT, "%s: longer than %d bytes", key,
		    HTTP_URL_MAX / 2);
	for (i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] == 0x7f || strchr("\"<>\\^`{|}?#@",
		    s[i]) != NULL)
			return err_set(e, ERR_FORMAT,
			    "%s: byte 0x%02x is not allowed", key,
			    (unsigned char)s[i]);
	if (*host == '\0' || *host == '/' || *host == ':')
		return err_set(e, ERR_FORMAT, "%s: has no host", key);
	*out = mem_printf("%s%s", s, s[n - 1] == '/' ? "" : "/");
	return 0;
}

static int
read_state(const json_t *o, struct loglist_log *l, struct err *e)
{
	const json_t	*state = json_object_get(o, "state"), *one, *head;
	size_t		 i;

	if (state == NULL)
		return 0;
	if (!json_is_object(state) || json_object_size(state) != 1)
		return err_set(e, ERR_FORMAT,
		    "state: must be an object with one member");
	for (i = LOGLIST_PENDING; i < NSTATES; i++)
		if ((one = json_object_get(state, states[i])) != NULL)
			break;
	/* A state that is not known yet is no reason not to look. */
	if (i == NSTATES)
		return 0;
	l->state = (enum loglist_state)i;
	if (read_time(one, "timestamp", &l->state_at, e) == -1)
		return err_prefix(e, "state");
	if ((head = json_object_get(one, "final_tree_head")) == NULL)
		return 0;
	if (jsn_u64(head, "tree_size", &l->final_size, e) == -1 ||
	    jsn_b64_to(head, "sha256_root_hash", l->final_root, 32, e) == -1)
		return err_prefix(e, "final_tree_head");
	l->has_final = 1;
	return 0;
}

static int
read_interval(const json_t *o, struct loglist_log *l, struct err *e)
{
	const json_t	*v = json_object_get(o, "temporal_interval");

	if (v == NULL)
		return 0;
	if (json_object_get(v, "start_inclusive") == NULL ||
	    json_object_get(v, "end_exclusive") == NULL ||
	    read_time(v, "start_inclusive", &l->start, e) == -1 ||
	    read_time(v, "end_exclusive", &l->end, e) == -1 ||
	    l->start >= l->end)
		return err_set(e, ERR_FORMAT, "temporal_interval: must have "
		    "start_inclusive and a later end_exclusive");
	l->has_interval = 1;
	return 0;
}

static int
read_former(const json_t *o, struct loglist_log *l, struct err *e)
{
	const json_t	*a = json_object_get(o, "previous_operators"), *v;
	const char	*name;
	size_t		 i, n;

	if (a == NULL)
		return 0;
	n = json_array_size(a);
	l->former = mem_array(n, sizeof(l->former[0]));
	for (i = 0; i < n; i++) {
		v = json_array_get(a, i);
		name = json_string_value(json_object_get(v, "name"));
		if (name == NULL || json_object_get(v, "end_time") == NULL ||
		    read_time(v, "end_time", &l->former[i].until, e) == -1)
			return err_set(e, ERR_FORMAT, "previous_operators: "
			    "each must have name and end_time");
		l->former[i].name = mem_str(name);
		l->nformer++;
	}
	return 0;
}

/* The key, and the id, which must be its hash (RFC 6962 3.2). */
static int
read_key(const json_t *o, struct loglist_log *l, struct err *e)
{
	struct buf	b = BUF_INIT, id = BUF_INIT;
	uint8_t		h[SHA_LEN];
	size_t		i;
	int		rc = -1;

	if (jsn_b64(o, "key", &b, e) == -1)
		goto out;
	if (b.n == 0 || b.n > LIMIT_SPKI) {
		(void)err_set(e, ERR_LIMIT, "key: %zu bytes, must have 1 "
		    "to %u", b.n, LIMIT_SPKI);
		goto out;
	}
	sha_256(h, b.p, b.n);
	if (jsn_b64_to(o, "log_id", l->log_id, 32, e) == -1)
		goto out;
	if (memcmp(h, l->log_id, sizeof(h)) != 0) {
		(void)err_set(e, ERR_VERIFY, "log_id: is not the SHA-256 of "
		    "the key (RFC 6962 3.2)");
		goto out;
	}
	enc_b64(&id, h, sizeof(h));
	for (i = 0; i < sizeof(mimics) / sizeof(mimics[0]); i++)
		if (strcmp(buf_text(&id), mimics[i]) == 0) {
			(void)err_set(e, ERR_VERIFY, "log_id: of a log whose "
			    "private key is public");
			goto out;
		}
	l->key = buf_detach(&b, &l->nkey);
	rc = 0;
out:
	buf_free(&b);
	buf_free(&id);
	return rc;
}

/* Fill in what the object says; l->protocol is set. */
static int
read_log(const json_t *o, struct loglist_log *l, struct err *e)
{
	const char	*s;
	uint64_t	 mmd = MMD_DEFAULT;
	int		 st = l->protocol == LOGLIST_STATIC;

	s = json_string_value(json_object_get(o, "description"));
	l->description = mem_str(s == NULL ? "" : s);
	s = json_string_value(json_object_get(o, "log_type"));
	l->is_test = s != NULL && strcmp(s, "test") == 0;
	if (json_object_get(o, "mmd") != NULL &&
	    (jsn_u64(o, "mmd", &mmd, e) == -1 || mmd > INT32_MAX))
		return err_set(e, ERR_FORMAT, "mmd: must be seconds");
	l->mmd = (uint32_t)mmd;
	if (read_key(o, l, e) == -1 ||
	    read_url(o, st ? "monitoring_url" : "url", &l->url, e) == -1 ||
	    read_url(o, st ? "submission_url" : "url", &l->submit_url,
	    e) == -1 ||
	    read_state(o, l, e) == -1 || read_interval(o, l, e) == -1 ||
	    read_former(o, l, e) == -1)
		return -1;
	if (l->state == LOGLIST_RETIRED &&
	    strncmp(l->url, "https://ct.example.com/", 23) == 0)
		return err_set(e, ERR_FORMAT, "no log, but an entry that "
		    "keeps other programs from failing");
	return 0;
}

/* --- the list --- */

static void
refuse(struct loglist *ll, const json_t *o, const struct err *e)
{
	const char	*what, *id;

	what = json_string_value(json_object_get(o, "description"));
	id = json_string_value(json_object_get(o, "log_id"));
	ll->refused[ll->nrefused++] = mem_printf("%.200s (%.60s): %s",
	    what == NULL ? "log" : what, id == NULL ? "no log_id" : id,
	    e->msg);
}

/* The logs of one array of an operator. */
static void
read_logs(struct loglist *ll, const json_t *array, const char *operator,
    enum loglist_protocol protocol)
{
	struct loglist_log	*l;
	struct err		 e;
	const json_t		*o;
	size_t			 i;
	int			 rc;

	for (i = 0; i < json_array_size(array); i++) {
		err_clear(&e);
		o = json_array_get(array, i);
		l = &ll->logs[ll->nlogs];
		memset(l, 0, sizeof(*l));
		l->protocol = protocol;
		if (operator == NULL)
			rc = err_set(&e, ERR_FORMAT,
			    "its operator has no name");
		else {
			l->operator = mem_str(operator);
			rc = read_log(o, l, &e);
		}
		if (rc == 0 && loglist_find(ll, l->log_id) != NULL)
			rc = err_set(&e, ERR_FORMAT,
			    "log_id: comes twice in the list");
		if (rc == 0)
			ll->nlogs++;
		else {
			refuse(ll, o, &e);
			log_free(l);
		}
	}
}

static size_t
count(const json_t *operators)
{
	const json_t	*o;
	size_t		 i, n = 0;

	for (i = 0; i < json_array_size(operators); i++) {
		o = json_array_get(operators, i);
		n += json_array_size(json_object_get(o, "logs"));
		n += json_array_size(json_object_get(o, "tiled_logs"));
	}
	return n;
}

/* All that the object says into an empty list. */
static int
read_list(struct loglist *ll, const json_t *o, struct err *e)
{
	const json_t	*ops = json_object_get(o, "operators"), *op;
	const char	*s;
	size_t		 i, n;

	if (!json_is_array(ops))
		return err_set(e, ERR_FORMAT, "log list: operators must be "
		    "an array (log list v3)");
	n = count(ops);
	if (n > LIMIT_LOGLIST_LOGS)
		return err_set(e, ERR_LIMIT, "log list: %zu logs, at most "
		    "%u are read", n, LIMIT_LOGLIST_LOGS);
	if (read_time(o, "log_list_timestamp", &ll->timestamp, e) == -1)
		return err_prefix(e, "log list");
	s = json_string_value(json_object_get(o, "version"));
	ll->version = mem_str(s == NULL ? "" : s);
	ll->logs = mem_array(n, sizeof(ll->logs[0]));
	ll->refused = mem_array(n, sizeof(ll->refused[0]));
	for (i = 0; i < json_array_size(ops); i++) {
		op = json_array_get(ops, i);
		s = json_string_value(json_object_get(op, "name"));
		read_logs(ll, json_object_get(op, "logs"), s,
		    LOGLIST_RFC6962);
		read_logs(ll, json_object_get(op, "tiled_logs"), s,
		    LOGLIST_STATIC);
	}
	if (ll->nlogs == 0)
		return err_set(e, ERR_FORMAT, "log list: holds no log that "
		    "can be read%s%s", n > 0 ? ": " : "",
		    n > 0 ? ll->refused[0] : "");
	return 0;
}

int
loglist_read(struct span json, struct loglist **out, struct err *e)
{
	struct loglist	*ll;
	json_t		*o;

	*out = NULL;
	if (json.n > LIMIT_BODY_LOGLIST)
		return err_set(e, ERR_LIMIT, "log list: %zu bytes, at most "
		    "%u are read", json.n, LIMIT_BODY_LOGLIST);
	if ((o = jsn_object(json, "log list", e)) == NULL)
		return -1;
	ll = mem_zero(sizeof(*ll));
	if (read_list(ll, o, e) == -1) {
		loglist_free(ll);
		ll = NULL;
	}
	json_decref(o);
	*out = ll;
	return ll == NULL ? -1 : 0;
}

int
loglist_verify_hash(const uint8_t sha[32], struct span sig, struct span pem,
    struct err *e)
{
	EVP_PKEY	*key = NULL;
	EVP_PKEY_CTX	*ctx = NULL;
	BIO		*bio;
	int		 rc = -1;

	if (pem.p == NULL)
		pem = SPAN_STR(chrome_key);
	if (pem.n <= LIMIT_BODY_HEAD && (bio = BIO_new_mem_buf(pem.p,
	    (int)pem.n)) != NULL) {
		key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
		BIO_free(bio);
	}
	if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA ||
	    EVP_PKEY_get_bits(key) < 2048)
		(void)err_set(e, ERR_FORMAT, "log list: the signature key "
		    "must be a PEM RSA public key of at least 2048 bits");
	else if ((ctx = EVP_PKEY_CTX_new(key, NULL)) == NULL ||
	    EVP_PKEY_verify_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1 ||
	    EVP_PKEY_verify(ctx, sig.p, sig.n, sha, 32) != 1)
		(void)err_set(e, ERR_VERIFY, "log list: its signature does "
		    "not verify (RSA PKCS #1 v1.5 with SHA-256, RFC 8017 "
		    "8.2)");
	else
		rc = 0;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return rc;
}

int
loglist_verify(struct span json, struct span sig, struct span pem,
    struct err *e)
{
	uint8_t	sha[32];

	sha_256(sha, json.p, json.n);
	return loglist_verify_hash(sha, sig, pem, e);
}

static void
log_copy(struct loglist_log *to, const struct loglist_log *from)
{
	size_t	i;

	*to = *from;
	to->operator = mem_str(from->operator);
	to->description = mem_str(from->description);
	to->key = mem_dup(from->key, from->nkey);
	to->url = mem_str(from->url);
	to->submit_url = mem_str(from->submit_url);
	to->former = mem_array(from->nformer, sizeof(to->former[0]));
	for (i = 0; i < from->nformer; i++) {
		to->former[i].name = mem_str(from->former[i].name);
		to->former[i].until = from->former[i].until;
	}
}

struct loglist *
loglist_union(const struct loglist *chrome, const struct loglist *apple)
{
	struct loglist	*ll = mem_zero(sizeof(*ll));
	size_t		 i;

	ll->version = mem_str(chrome->version);
	ll->timestamp = chrome->timestamp;
	ll->logs = mem_array(chrome->nlogs + apple->nlogs,
	    sizeof(ll->logs[0]));
	ll->refused = mem_array(chrome->nrefused + apple->nrefused,
	    sizeof(ll->refused[0]));
	for (i = 0; i < chrome->nlogs; i++)
		log_copy(&ll->logs[ll->nlogs++], &chrome->logs[i]);
	for (i = 0; i < apple->nlogs; i++)
		if (loglist_find(chrome, apple->logs[i].log_id) == NULL)
			log_copy(&ll->logs[ll->nlogs++], &apple->logs[i]);
	for (i = 0; i < chrome->nrefused; i++)
		ll->refused[ll->nrefused++] = mem_str(chrome->refused[i]);
	for (i = 0; i < apple->nrefused; i++)
		ll->refused[ll->nrefused++] = mem_str(apple->refused[i]);
	return ll;
}

int
loglist_readable(const struct loglist_log *l, int64_t now)
{
	switch (l->state) {
	case LOGLIST_RETIRED:
		/* Certificates in it may still be valid. */
		return l->has_interval && now < l->end;
	case LOGLIST_REJECTED:
		return 0;
	default:
		return 1;
	}
}
