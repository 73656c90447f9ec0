#include "auditor/evidence_verify.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/evidence.h"
#include "auditor/evidence_check.h"
#include "auditor/evidence_json.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/jsn.h"
#include "ctlog/note.h"

/*
 * The file as a whole: its form, its seal, its logs; evidence_check.c looks
 * at each statement.
 */

int
evidence_signed(struct evidence_file *f, const char *text, const json_t *v,
    struct err *e)
{
	struct buf	 sig = BUF_INIT;
	EVP_PKEY	*key;
	EVP_MD_CTX	*ctx = EVP_MD_CTX_new();
	int		 ok = 0;

	(void)enc_unb64(json_string_value(v), json_string_length(v), &sig);
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, f->instance,
	    32);
	if (sig.n == 64 && key != NULL && ctx != NULL &&
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1)
		ok = EVP_DigestVerify(ctx, sig.p, sig.n,
		    (const uint8_t *)text, strlen(text)) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	buf_free(&sig);
	ERR_clear_error();
	return ok ? 0 : err_set(e, ERR_VERIFY, "is not signed with the "
	    "file's instance key (Ed25519, RFC 8032 5.1)");
}

/* A line of the answer. */
static void
report(struct evidence_file *f, const char *what, size_t i, const json_t *o,
    enum evidence_verdict v, const char *reason)
{
	static const char *const names[] = { "valid", "unchecked", "invalid" };
	json_t	*l = json_object();
	const char *type = json_string_value(json_object_get(o, "type"));
	const char *grade = json_string_value(json_object_get(o, "grade"));

	if (what != NULL)
		json_object_set_new(l, what, json_integer((json_int_t)i));
	json_object_set_new(l, "type", json_string(type != NULL ? type :
	    what != NULL ? "log" : EVIDENCE_TYPE));
	if (grade != NULL)
		json_object_set_new(l, "grade", json_string(grade));
	json_object_set_new(l, "result", json_string(names[v]));
	json_object_set_new(l, "reason", evidence_text(reason));
	json_array_append_new(f->lines, l);
	if (v > f->worst)
		f->worst = v;
}

/* Does the list that the log's key is from stand behind its hash? */
static int
list_check(const json_t *list, const char **said, struct err *e)
{
	struct buf	sig = BUF_INIT;
	uint8_t		sha[32];
	int		rc = -1;

	if (list == NULL) {
		*said = "";
		return 0;
	}
	if (evidence_shape(list, "s source,h sha256,?t listed_at,"
	    "?b signature", e) == -1)
		return err_prefix(e, "list");
	*said = ", in a log list without a signature";
	if (json_object_get(list, "signature") != NULL) {
		(void)enc_unhex_to(sha, 32, evidence_str(list, "sha256"));
		evidence_bytes(list, "signature", &sig);
		rc = loglist_verify_hash(sha, buf_bytes(&sig),
		    (struct span){ NULL, 0 }, NULL);
		buf_free(&sig);
		*said = rc == 0 ? ", in a log list signed by Chrome's key" :
		    ", in a log list signed by another key than Chrome's";
	}
	return 0;
}

static enum evidence_verdict
log_check(struct evidence_file *f, struct evidence_logkey *l,
    const json_t *o, char *why, size_t cap, struct err *e)
{
	const struct evidence_logkey	*k;
	const struct loglist_log	*have;
	const char			*said;
	struct buf			 id = BUF_INIT;
	uint8_t				 sha[32];
	int				 same;

	if (evidence_shape(o, "b log_id,b key,s description,s operator,"
	    "s protocol,s url,s read_url,?o list", e) == -1 ||
	    list_check(json_object_get(o, "list"), &said, e) == -1)
		return EVIDENCE_INVALID;
	evidence_bytes(o, "key", &l->key);
	evidence_bytes(o, "log_id", &id);
	sha_256(sha, l->key.p, l->key.n);
	same = id.n == 32 && memcmp(id.p, sha, 32) == 0;
	buf_free(&id);
	if (!same) {
		(void)err_set(e, ERR_VERIFY, "log_id is not the hash of the "
		    "key (RFC 6962 3.2)");
		return EVIDENCE_INVALID;
	}
	for (k = f->logs; k < l; k++)
		if (k->key.n == l->key.n && memcmp(k->key.p, l->key.p,
		    l->key.n) == 0) {
			(void)err_set(e, ERR_VERIFY, "this log is named twice");
			return EVIDENCE_INVALID;
		}
	l->tiles = strcmp(evidence_str(o, "protocol"), "static") == 0;
	if (!l->tiles && strcmp(evidence_str(o, "protocol"), "rfc6962") != 0) {
		(void)err_set(e, ERR_FORMAT, "`protocol` is neither rfc6962 "
		    "nor static");
		return EVIDENCE_INVALID;
	}
	have = f->keys->list == NULL ? NULL :
	    loglist_find(f->keys->list, sha);
	/* the origin is the verifier's where the verifier has one */
	if (note_origin(have != NULL ? have->submit_url :
	    evidence_str(o, "url"), l->origin) == -1)
		l->origin[0] = '\0';
	if (have != NULL)
		l->known = have->nkey == l->key.n &&
		    memcmp(have->key, l->key.p, l->key.n) == 0;
	else
		l->known = f->keys->key.n == l->key.n && l->key.n != 0 &&
		    memcmp(f->keys->key.p, l->key.p, l->key.n) == 0;
	l->object = o;
	/* a name is anybody's: what the verifier calls the key counts */
	(void)snprintf(why, cap, "%s: %s%s", have != NULL ?
	    have->description : evidence_str(o, "description"),
	    l->known ? "key is the verifier's" :
	    "its key is not among those of the verifier", said);
	return l->known ? EVIDENCE_VALID : EVIDENCE_UNCHECKED;
}

static void
logs_check(struct evidence_file *f, const json_t *a)
{
	struct err		 e;
	enum evidence_verdict	 v;
	char			 why[600];
	size_t			 i;

	f->nlogs = json_array_size(a);
	f->logs = mem_array(f->nlogs, sizeof(*f->logs));
	for (i = 0; i < f->nlogs; i++) {
		err_clear(&e);
		v = log_check(f, &f->logs[i], json_array_get(a, i), why,
		    sizeof(why), &e);
		report(f, "log", i, NULL, v, e.code != ERR_NONE ? e.msg : why);
	}
}

static void
statements_check(struct evidence_file *f)
{
	enum evidence_verdict	 v;
	char			 why[600];
	size_t			 i;
	const json_t		*o;

	f->items = mem_array(f->nitems, sizeof(*f->items));
	for (i = 0; i < f->nitems; i++) {
		struct err e = ERR_INIT;

		o = json_array_get(f->statements, i);
		why[0] = '\0';
		v = evidence_check(f, i, o, why, sizeof(why), &e);
		f->items[i].verdict = v;
		report(f, "statement", i, o, v, e.code != ERR_NONE ? e.msg :
		    why);
	}
}

/* Form and seal: what must be right before anything is looked at. */
static int
open_file(struct evidence_file *f, const json_t *o, struct err *e)
{
	struct buf	 key = BUF_INIT;
	char		*text;
	int		 rc;

	if (evidence_shape(o, "s type,i version,t created_at,b instance_key,"
	    "a logs,a statements,b seal", e) == -1)
		return -1;
	if (strcmp(evidence_str(o, "type"), EVIDENCE_TYPE) != 0)
		return err_set(e, ERR_FORMAT, "`type` is not %s",
		    EVIDENCE_TYPE);
	if (evidence_int(o, "version") != EVIDENCE_VERSION)
		return err_set(e, ERR_FORMAT, "`version` is not %d",
		    EVIDENCE_VERSION);
	evidence_bytes(o, "instance_key", &key);
	rc = key.n == 32 ? 0 : err_set(e, ERR_FORMAT, "`instance_key` does "
	    "not have 32 bytes");
	if (rc == 0)
		memcpy(f->instance, key.p, 32);
	buf_free(&key);
	if (rc == -1)
		return -1;
	if (f->keys->instance != NULL &&
	    memcmp(f->keys->instance, f->instance, 32) != 0)
		return err_set(e, ERR_VERIFY, "it was made by another "
		    "instance than the one asked for");
	f->statements = json_object_get(o, "statements");
	f->nitems = json_array_size(f->statements);
	if (f->nitems > LIMIT_EVIDENCE_ITEMS ||
	    json_array_size(json_object_get(o, "logs")) > f->nitems)
		return err_set(e, ERR_LIMIT, "it has more statements than "
		    "%u, or more logs than statements", LIMIT_EVIDENCE_ITEMS);
	text = evidence_sealed(o);
	if (text == NULL)
		return err_set(e, ERR_FORMAT, "cannot be written again");
	rc = evidence_signed(f, text, json_object_get(o, "seal"), e);
	free(text);
	return rc == -1 ? err_prefix(e, "the seal") : 0;
}

enum evidence_verdict
evidence_verify(struct span file, const struct evidence_keys *keys,
    json_t **lines)
{
	static const char *const said[] = { "every statement holds",
	    "not everything could be checked",
	    "not every statement holds" };
	struct evidence_file	 f;
	struct err		 e = ERR_INIT;
	json_t			*o = NULL;
	size_t			 i;

	memset(&f, 0, sizeof(f));
	f.keys = keys;
	f.lines = *lines = json_array();
	if (file.n > LIMIT_EVIDENCE)
		(void)err_set(&e, ERR_LIMIT, "has %zu bytes, more than the "
		    "%u of an evidence file", file.n, LIMIT_EVIDENCE);
	else
		o = jsn_object(file, "evidence file", &e);
	if (o == NULL || open_file(&f, o, &e) == -1) {
		report(&f, NULL, 0, NULL, EVIDENCE_INVALID, e.msg);
	} else {
		logs_check(&f, json_object_get(o, "logs"));
		statements_check(&f);
		report(&f, NULL, 0, NULL, f.nitems == 0 ? EVIDENCE_INVALID :
		    f.worst, f.nitems == 0 ? "it states nothing" :
		    said[f.worst]);
	}
	for (i = 0; i < f.nlogs; i++)
		buf_free(&f.logs[i].key);
	for (i = 0; f.items != NULL && i < f.nitems; i++)
		free(f.items[i].about);
	free(f.logs);
	free(f.items);
	json_decref(o);
	return f.worst;
}
