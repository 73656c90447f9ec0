#include "auditor/evidence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/evidence_json.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/entry.h"
#include "ctlog/merkle.h"
#include "ctlog/note.h"
#include "ctlog/sth.h"

struct evidence {
	const struct evidence_signer	*signer;	/* borrowed */
	json_t				*logs;
	json_t				*statements;
	size_t				 size;	/* bytes, about */
};

struct evidence *
evidence_new(const struct evidence_signer *signer)
{
	struct evidence *ev = mem_zero(sizeof(*ev));

	ev->signer = signer;
	ev->logs = json_array();
	ev->statements = json_array();
	return ev;
}

void
evidence_free(struct evidence *ev)
{
	if (ev == NULL)
		return;
	json_decref(ev->logs);
	json_decref(ev->statements);
	free(ev);
}

int
evidence_log(struct evidence *ev, const struct evidence_log *l)
{
	json_t	*o, *list, *id = evidence_b64(l->log_id, 32);
	size_t	 i;
	char	 t[CLK_TEXT];

	for (i = 0; i < json_array_size(ev->logs); i++)
		if (json_equal(json_object_get(json_array_get(ev->logs, i),
		    "log_id"), id)) {
			json_decref(id);
			return (int)i;
		}
	o = json_object();
	json_object_set_new(o, "log_id", id);
	json_object_set_new(o, "key", evidence_b64(l->key.p, l->key.n));
	json_object_set_new(o, "description", evidence_text(l->description));
	json_object_set_new(o, "operator", evidence_text(l->operator));
	json_object_set_new(o, "protocol", evidence_text(l->protocol));
	json_object_set_new(o, "url", evidence_text(l->url));
	json_object_set_new(o, "read_url", evidence_text(l->read_url));
	if (l->list_source != NULL) {
		list = json_object();
		json_object_set_new(list, "source",
		    evidence_text(l->list_source));
		json_object_set_new(list, "sha256",
		    evidence_hex(l->list_sha256, 32));
		if (l->list_at != INT64_MIN)
			json_object_set_new(list, "listed_at",
			    json_string(clk_text(l->list_at, t)));
		if (l->list_sig.p != NULL)
			json_object_set_new(list, "signature",
			    evidence_b64(l->list_sig.p, l->list_sig.n));
		json_object_set_new(o, "list", list);
	}
	json_array_append_new(ev->logs, o);
	return (int)i;
}

const json_t *
evidence_statement(const struct evidence *ev, int i)
{
	return i < 0 ? NULL : json_array_get(ev->statements, (size_t)i);
}

const json_t *
evidence_log_at(const struct evidence *ev, int i)
{
	return i < 0 ? NULL : json_array_get(ev->logs, (size_t)i);
}

int
evidence_add(struct evidence *ev, const char *type, const char *grade,
    json_t *said, size_t bytes, struct err *e)
{
	json_t	*o = json_pack("{ss ss}", "type", type, "grade", grade);

	json_object_update(o, said);
	json_decref(said);
	ev->size += bytes * 4 / 3 + 400;
	if (ev->size > LIMIT_EVIDENCE ||
	    json_array_size(ev->statements) >= LIMIT_EVIDENCE_ITEMS) {
		json_decref(o);
		return err_set(e, ERR_LIMIT, "the evidence would be larger "
		    "than %u MB; ask for less, such as a shorter period",
		    LIMIT_EVIDENCE >> 20);
	}
	json_array_append_new(ev->statements, o);
	return (int)json_array_size(ev->statements) - 1;
}

int
evidence_large(const struct evidence *ev)
{
	return ev->size > LIMIT_EVIDENCE / 2 ||
	    json_array_size(ev->statements) > LIMIT_EVIDENCE_ITEMS / 2;
}

/* The same head twice in a file would only be noise. */
static int
head_again(const struct evidence *ev, const json_t *raw, int log)
{
	const json_t	*o;
	size_t		 i;

	for (i = json_array_size(ev->statements); i-- > 0;) {
		o = json_array_get(ev->statements, i);
		if (json_equal(json_object_get(o, "raw"), raw) &&
		    json_integer_value(json_object_get(o, "log")) == log)
			return (int)i;
		if (json_array_size(ev->statements) - i > 256)
			break;
	}
	return -1;
}

int
evidence_head(struct evidence *ev, int log, const char *form,
    struct span raw, struct err *e)
{
	struct sth	 sth;
	json_t		*o, *b;
	int		 n;

	if (evidence_head_read(form, raw, &sth, NULL, e) == -1)
		return err_prefix(e, "stored tree head");
	b = evidence_b64(raw.p, raw.n);
	if ((n = head_again(ev, b, log)) != -1) {
		json_decref(b);
		return n;
	}
	o = json_object();
	json_object_set_new(o, "log", json_integer(log));
	json_object_set_new(o, "form", json_string(form));
	json_object_set_new(o, "raw", b);
	json_object_set_new(o, "tree_size",
	    json_integer((json_int_t)sth.tree_size));
	json_object_set_new(o, "timestamp",
	    json_integer((json_int_t)sth.timestamp));
	json_object_set_new(o, "root_hash", evidence_hex(sth.root, 32));
	return evidence_add(ev, "head", "transferable", o, raw.n, e);
}

int
evidence_certificate(struct evidence *ev, const char *form,
    struct span der, const struct span *chain, size_t n, struct err *e)
{
	json_t	*said, *a;
	size_t	 i, bytes = der.n;

	said = evidence_describe(form, der, chain, n, e);
	if (said == NULL)
		return err_prefix(e, "stored certificate");
	a = json_array();
	for (i = 0; i < n; i++) {
		json_array_append_new(a,
		    evidence_b64(chain[i].p, chain[i].n));
		bytes += chain[i].n;
	}
	json_object_set_new(said, "chain", a);
	return evidence_add(ev, "certificate", "transferable", said, bytes,
	    e);
}

int
evidence_entry(struct evidence *ev, const struct evidence_entry *in,
    struct err *e)
{
	json_t	*o = json_object(), *p;
	uint8_t	 leaf[32], root[32];

	evidence_leaf_hash(in->leaf, leaf);
	if (evidence_path_root(leaf, in->index, in->size, in->path, root)
	    == -1) {
		json_decref(o);
		return err_set(e, ERR_DB, "entry %" PRIu64 ": its stored "
		    "proof has %zu bytes, which does not fit a tree of %"
		    PRIu64, in->index, in->path.n, in->size);
	}
	json_object_set_new(o, "log", json_integer(in->log));
	json_object_set_new(o, "head", json_integer(in->head));
	if (in->certificate != -1)
		json_object_set_new(o, "certificate",
		    json_integer(in->certificate));
	else
		json_object_set_new(o, "malformed",
		    evidence_text(in->malformed));
	json_object_set_new(o, "index", json_integer((json_int_t)in->index));
	json_object_set_new(o, "timestamp",
	    json_integer((json_int_t)in->timestamp));
	json_object_set_new(o, "entry_type", json_string(in->entry_type));
	json_object_set_new(o, "leaf", evidence_b64(in->leaf.p, in->leaf.n));
	json_object_set_new(o, "leaf_hash", evidence_hex(leaf, 32));
	p = json_object();
	json_object_set_new(p, "tree_size",
	    json_integer((json_int_t)in->size));
	json_object_set_new(p, "root_hash", evidence_hex(root, 32));
	json_object_set_new(p, "path", evidence_nodes(in->path));
	json_object_set_new(o, "inclusion", p);
	if (in->onward.p != NULL)
		json_object_set_new(o, "consistency",
		    evidence_nodes(in->onward));
	return evidence_add(ev, "entry", "transferable", o, in->leaf.n +
	    in->path.n + in->onward.n, e);
}

int
evidence_fork(struct evidence *ev, int head1, int head2)
{
	const json_t	*s;
	json_t		*o;
	int		 i, a, b;

	for (i = 0; (s = evidence_statement(ev, i)) != NULL; i++) {
		a = (int)evidence_int(s, "head");
		b = (int)evidence_int(s, "other");
		if (strcmp(evidence_str(s, "type"), "fork") == 0 &&
		    ((a == head1 && b == head2) || (a == head2 && b == head1)))
			return i;
	}
	o = json_object();
	json_object_set_new(o, "head", json_integer(head1));
	json_object_set_new(o, "other", json_integer(head2));
	return evidence_add(ev, "fork", "transferable", o, 0, NULL);
}

int
evidence_attest(struct evidence *ev, json_t *body,
    const struct evidence_ref *ref, struct err *e)
{
	struct buf	 sig = BUF_INIT;
	json_t		*o;
	char		*text;
	size_t		 n;
	int		 rc;

	text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS |
	    JSON_ENSURE_ASCII);
	json_decref(body);
	if (text == NULL)
		return err_set(e, ERR_FORMAT, "a statement is no UTF-8");
	n = strlen(text);
	rc = ev->signer->sign(ev->signer->arg, (struct span){
	    (const uint8_t *)text, n }, &sig, e);
	if (rc == -1 || sig.n != 64) {
		rc = err_set(e, ERR_SYS, "a statement was not signed");
		goto out;
	}
	o = json_object();
	json_object_set_new(o, "text", json_string(text));
	json_object_set_new(o, "signature", evidence_b64(sig.p, sig.n));
	if (ref != NULL && ref->head != -1)
		json_object_set_new(o, "head", json_integer(ref->head));
	if (ref != NULL && ref->before != -1)
		json_object_set_new(o, "before", json_integer(ref->before));
	if (ref != NULL && ref->onward.p != NULL)
		json_object_set_new(o, "consistency",
		    evidence_nodes(ref->onward));
	if (ref != NULL && ref->sct != -1)
		json_object_set_new(o, "sct", json_integer(ref->sct));
	if (ref != NULL && ref->parts != -1)
		json_object_set_new(o, "crl", json_integer(ref->parts));
	rc = evidence_add(ev, "attested", "attested", o, n +
	    (ref != NULL ? ref->onward.n : 0), e);
out:
	buf_free(&sig);
	free(text);
	return rc;
}

int
evidence_recheck(struct evidence *ev, int log, enum evidence_ask ask,
    uint64_t a, uint64_t b, struct err *e)
{
	const json_t	*l = json_array_get(ev->logs, (size_t)log);
	json_t		*o;
	char		 url[2048];

	if (evidence_url(json_string_value(json_object_get(l, "protocol")),
	    json_string_value(json_object_get(l, "read_url")), ask, a, b, url,
	    sizeof(url)) == -1)
		return err_set(e, ERR_FORMAT, "no URL asks this log again");
	o = json_object();
	json_object_set_new(o, "log", json_integer(log));
	json_object_set_new(o, "ask", json_string(evidence_ask_name(ask)));
	json_object_set_new(o, "first", json_integer((json_int_t)a));
	json_object_set_new(o, "second", json_integer((json_int_t)b));
	json_object_set_new(o, "url", evidence_text(url));
	return evidence_add(ev, "recheck", "re-checkable", o, strlen(url),
	    e);
}

int
evidence_recheck_of(struct evidence *ev, int of, enum evidence_ask ask,
    struct err *e)
{
	json_t	*o;
	char	 url[2048];

	if (evidence_url_of(evidence_statement(ev, of), ask, url,
	    sizeof(url)) == -1)
		return err_set(e, ERR_FORMAT, "the statement does not say "
		    "where it is from");
	o = json_object();
	json_object_set_new(o, "ask", json_string(evidence_ask_name(ask)));
	json_object_set_new(o, "of", json_integer(of));
	json_object_set_new(o, "url", evidence_text(url));
	return evidence_add(ev, "recheck", "re-checkable", o, strlen(url),
	    e);
}

int
evidence_finish(struct evidence *ev, int64_t now, struct buf *out,
    struct err *e)
{
	struct buf	 sig = BUF_INIT;
	json_t		*o = json_object();
	char		*text = NULL, t[CLK_TEXT];
	int		 rc = -1;

	json_object_set_new(o, "type", json_string(EVIDENCE_TYPE));
	json_object_set_new(o, "version", json_integer(EVIDENCE_VERSION));
	json_object_set_new(o, "created_at", json_string(clk_text(now, t)));
	json_object_set_new(o, "instance_key",
	    evidence_b64(ev->signer->key, 32));
	json_object_set(o, "logs", ev->logs);
	json_object_set(o, "statements", ev->statements);
	text = evidence_sealed(o);
	if (text == NULL || ev->signer->sign(ev->signer->arg,
	    SPAN_STR(text), &sig, e) == -1 || sig.n != 64) {
		(void)err_set(e, ERR_SYS, "the evidence was not sealed");
		goto out;
	}
	json_object_set_new(o, "seal", evidence_b64(sig.p, sig.n));
	free(text);
	text = json_dumps(o, JSON_INDENT(1));
	if (text == NULL) {
		(void)err_set(e, ERR_FORMAT, "the evidence is no UTF-8");
		goto out;
	}
	if (strlen(text) >= LIMIT_EVIDENCE) {
		(void)err_set(e, ERR_LIMIT, "the evidence would be larger "
		    "than %u MB; ask for less", LIMIT_EVIDENCE >> 20);
		goto out;
	}
	buf_str(out, text);
	buf_str(out, "\n");
	rc = 0;
out:
	json_decref(o);
	free(text);
	buf_free(&sig);
	return rc;
}
