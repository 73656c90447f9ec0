#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include "auditor/cmd/inspect.h"
#include "auditor/evidence.h"
#include "auditor/evidence_json.h"
#include "auditor/evidence_verify.h"
#include "base/limit.h"
#include "base/mem.h"
#include "ctlog/entry.h"
#include "ctlog/jsn.h"
#include "ctlog/loglist.h"
#include "ctlog/note.h"
#include "ctlog/page.h"
#include "ctlog/sth.h"
#include "ctlog/tile.h"

/* What logs serve: heads, entries, tiles; log lists; evidence. */

static void
head_fields(json_t *o, const struct sth *sth)
{
	inspect_int(o, "tree_size", sth->tree_size);
	if (sth->timestamp != 0) {
		inspect_int(o, "timestamp", sth->timestamp);
		inspect_time(o, "time",
		    (int64_t)(sth->timestamp % (1ULL << 50)) * 1000);
	}
	inspect_hex(o, "root_hash", sth->root, 32);
}

static void
sth(struct inspect *in, struct span s)
{
	struct err			 e = ERR_INIT;
	struct sth			 h;
	json_t				*o = inspect_begin(in, "sth");
	const struct loglist		*list = in->trust->list;
	const struct loglist_log	*l;
	size_t				 i;

	if (sth_read_json(s, &h, &e) == -1) {
		inspect_malformed(in, o, &e);
		return;
	}
	head_fields(o, &h);
	if (in->trust->spki.n != 0) {
		if (sth_verify(&h, buf_bytes(&in->trust->spki), &e) == 0)
			inspect_end(in, o, INSPECT_VALID, "");
		else
			inspect_end(in, o, INSPECT_INVALID, e.msg);
		return;
	}
	if (list == NULL) {
		inspect_end(in, o, INSPECT_UNCHECKED, "no key was given "
		    "(--key or --log-list)");
		return;
	}
	/* an STH does not say whose it is */
	for (i = 0; i < list->nlogs; i++) {
		l = &list->logs[i];
		if (sth_verify(&h, (struct span){ l->key, l->nkey }, NULL)
		    == -1)
			continue;
		inspect_str(o, "log", l->description);
		inspect_b64(o, "log_id", l->log_id, 32);
		inspect_end(in, o, INSPECT_VALID, "");
		return;
	}
	inspect_end(in, o, INSPECT_INVALID, "no log of the list signed it "
	    "(RFC 6962 3.5)");
}

void
inspect_checkpoint(struct inspect *in, struct span s)
{
	struct err			 e = ERR_INIT;
	struct sth			 h;
	struct span			 origin, key = { NULL, 0 };
	json_t				*o = inspect_begin(in, "checkpoint");
	const struct loglist		*list = in->trust->list;
	char				*name, have[NOTE_ORIGIN_MAX];
	size_t				 i;

	if (evidence_head_read("checkpoint", s, &h, &origin, &e) == -1) {
		inspect_malformed(in, o, &e);
		return;
	}
	name = mem_dup(origin.p, origin.n);
	inspect_str(o, "origin", name);
	head_fields(o, &h);
	if (in->trust->spki.n != 0)
		key = buf_bytes(&in->trust->spki);
	for (i = 0; list != NULL && i < list->nlogs; i++) {
		if (note_origin(list->logs[i].submit_url, have) == -1 ||
		    strcmp(have, name) != 0)
			continue;
		key = (struct span){ list->logs[i].key, list->logs[i].nkey };
		inspect_str(o, "log", list->logs[i].description);
		inspect_b64(o, "log_id", list->logs[i].log_id, 32);
		break;
	}
	if (key.n == 0)
		inspect_end(in, o, INSPECT_UNCHECKED, list != NULL ?
		    "no log of the list has this origin" :
		    "no key was given (--key or --log-list)");
	else if (note_read(s, name, key, &h, &e) == 0)
		inspect_end(in, o, INSPECT_VALID, "");
	else
		inspect_end(in, o, INSPECT_INVALID, e.msg);
	free(name);
}

/* Entry ${i} of a page: 0, or -1 when it is malformed. */
static int
entry_line(const struct page *p, size_t i, json_t *a, struct buf *scratch)
{
	static const char *const types[] = { "x509", "precert" };
	struct span	 chain[LIMIT_CHAIN], pre;
	struct err	 e = ERR_INIT;
	struct entry	 en;
	json_t		*o = json_object();
	uint8_t		 hash[32];
	size_t		 n = 0;
	int		 rc = -1;

	page_leaf_hash(p, i, hash);
	if (page_at(p, i, &en, &e) == 0 && en.type <= ENTRY_PRECERT) {
		inspect_int(o, "timestamp", en.timestamp);
		json_object_set_new(o, "entry_type",
		    json_string(types[en.type]));
		if (en.leaf_index != -1)
			inspect_int(o, "leaf_index", (uint64_t)en.leaf_index);
		buf_reset(scratch);
		rc = inspect_cert_fields(o, en.cert, en.type == ENTRY_PRECERT,
		    &e);
		if (rc == 0 && (rc = page_extra(p, i, scratch, &pre, chain,
		    LIMIT_CHAIN, &n, &e)) == 0)
			inspect_int(o, "chain", n);
	}
	inspect_hex(o, "leaf_hash", hash, 32);
	if (rc == -1) {
		json_object_set_new(o, "malformed", json_true());
		inspect_str(o, "reason", e.msg);
	}
	json_array_append_new(a, o);
	return rc;
}

static void
page_lines(struct inspect *in, json_t *o, const struct page *p)
{
	struct buf	 scratch = BUF_INIT;
	json_t		*a = json_array();
	size_t		 i, bad = 0;
	char		 why[80];

	inspect_int(o, "entries_count", page_count(p));
	for (i = 0; i < page_count(p); i++)
		bad += entry_line(p, i, a, &scratch) == -1;
	json_object_set_new(o, "entries", a);
	(void)snprintf(why, sizeof(why), bad == 0 ? "only a proof shows that "
	    "entries are in a log" : "%zu entries are malformed", bad);
	if (bad != 0) {
		in->worst = 2;
		json_object_set_new(o, "malformed", json_true());
	}
	inspect_end(in, o, INSPECT_UNCHECKED, why);
	buf_free(&scratch);
}

static void
entries(struct inspect *in, struct span s)
{
	struct err	 e = ERR_INIT;
	struct page	*p = page_new();
	json_t		*o = inspect_begin(in, "get_entries");

	if (page_entries(p, s, LIMIT_INSPECT_ENTRIES, &e) == -1)
		inspect_malformed(in, o, &e);
	else
		page_lines(in, o, p);
	page_free(p);
}

/* How many entries a tile has: its name says so, which is not at hand. */
static int
tile_entries(struct span s, size_t *n, struct err *e)
{
	struct cur	c = cur_span(s), v;
	struct entry	en;

	for (*n = 0; cur_left(&c) != 0; (*n)++) {
		if (entry_read_timestamped(&c, &en, e) == -1 ||
		    (en.type == ENTRY_PRECERT && cur_vec24(&c, &v) == -1) ||
		    cur_vec16(&c, &v) == -1) {
			(void)err_set(e, ERR_FORMAT, "ends within an entry");
			return err_prefix(e, "entry %zu (static-ct-api, Log "
			    "Entries)", *n);
		}
		if (*n == TILE_WIDTH)
			return err_set(e, ERR_FORMAT, "has more than %d "
			    "entries (static-ct-api, Log Entries)",
			    TILE_WIDTH);
	}
	return 0;
}

/* gzip's first member, to at most LIMIT_BODY_TILE bytes. */
static int
inflate(struct span s, struct buf *out, struct err *e)
{
	struct libdeflate_decompressor	*d;
	enum libdeflate_result		 r;
	size_t				 n = 0, cap;

	for (cap = 1u << 20;; cap *= 4) {
		if (cap > LIMIT_BODY_TILE)
			cap = LIMIT_BODY_TILE;
		d = libdeflate_alloc_decompressor();
		if (d == NULL)
			return err_set(e, ERR_SYS, "no memory");
		r = libdeflate_gzip_decompress(d, s.p, s.n,
		    buf_room(out, cap), cap, &n);
		libdeflate_free_decompressor(d);
		if (r != LIBDEFLATE_INSUFFICIENT_SPACE ||
		    cap == LIMIT_BODY_TILE)
			break;
	}
	if (r == LIBDEFLATE_INSUFFICIENT_SPACE)
		return err_set(e, ERR_LIMIT, "is larger than %u bytes when "
		    "inflated", LIMIT_BODY_TILE);
	if (r != LIBDEFLATE_SUCCESS)
		return err_set(e, ERR_FORMAT, "is no gzip file (RFC 1952)");
	out->n += n;
	return 0;
}

void
inspect_tile(struct inspect *in, struct span s, int gzip)
{
	struct err	 e = ERR_INIT;
	struct buf	 b = BUF_INIT;
	struct page	*p = page_new();
	json_t		*o = inspect_begin(in, "data_tile");
	size_t		 n;

	if (gzip && inflate(s, &b, &e) == 0)
		s = buf_bytes(&b);
	if (e.code != ERR_NONE || tile_entries(s, &n, &e) == -1 ||
	    page_tile(p, s, 0, n, &e) == -1)
		inspect_malformed(in, o, &e);
	else
		page_lines(in, o, p);
	page_free(p);
	buf_free(&b);
}

static json_t *
list_log(const struct loglist_log *l)
{
	json_t	*o = json_object();

	inspect_b64(o, "log_id", l->log_id, 32);
	inspect_str(o, "description", l->description);
	inspect_str(o, "operator", l->operator);
	inspect_str(o, "protocol", loglist_protocol_name(l->protocol));
	inspect_str(o, "state", loglist_state_name(l->state));
	inspect_str(o, "url", l->url);
	inspect_int(o, "mmd_seconds", l->mmd);
	if (l->has_interval) {
		inspect_time(o, "start", l->start);
		inspect_time(o, "end", l->end);
	}
	return o;
}

static void
log_list(struct inspect *in, struct span s)
{
	struct err	 e = ERR_INIT;
	struct loglist	*list = NULL;
	struct span	 pem = { NULL, 0 };
	json_t		*o = inspect_begin(in, "log_list"), *a, *w;
	size_t		 i;

	if (loglist_read(s, &list, &e) == -1) {
		inspect_malformed(in, o, &e);
		return;
	}
	inspect_str(o, "version", list->version != NULL ? list->version : "");
	inspect_time(o, "timestamp", list->timestamp != 0 ? list->timestamp :
	    INT64_MIN);
	a = json_array();
	for (i = 0; i < list->nlogs; i++)
		json_array_append_new(a, list_log(&list->logs[i]));
	json_object_set_new(o, "logs", a);
	a = json_array();
	for (i = 0; i < list->nrefused; i++) {
		w = json_object();
		inspect_str(w, "reason", list->refused[i]);
		json_array_append_new(a, w);
	}
	json_object_set_new(o, "refused", a);
	loglist_free(list);
	if (in->trust->pem.n != 0)
		pem = buf_bytes(&in->trust->pem);
	if (in->sig.p == NULL)
		inspect_end(in, o, INSPECT_UNCHECKED, "there is no signature "
		    "beside it (FILE.sig or log_list.sig)");
	else if (loglist_verify(s, in->sig, pem, &e) == 0)
		inspect_end(in, o, INSPECT_VALID, pem.p != NULL ?
		    "signed with the key given" : "signed with Chrome's key");
	else
		inspect_end(in, o, INSPECT_INVALID, e.msg);
}

static void
evidence(struct inspect *in, struct span s)
{
	struct evidence_keys	 keys = { in->trust->list,
				    buf_bytes(&in->trust->spki), NULL };
	json_t			*o = inspect_begin(in, "evidence"), *lines,
				*last;
	enum evidence_verdict	 v;
	char			*why;
	size_t			 n;

	v = evidence_verify(s, &keys, &lines);
	n = json_array_size(lines);
	last = json_array_get(lines, n - 1);
	why = mem_str(json_string_value(json_object_get(last, "reason")));
	(void)json_array_remove(lines, n - 1);
	json_object_set_new(o, "statements", lines);
	inspect_end(in, o, v == EVIDENCE_VALID ? INSPECT_VALID :
	    v == EVIDENCE_UNCHECKED ? INSPECT_UNCHECKED : INSPECT_INVALID,
	    why);
	free(why);
}

int
inspect_json(struct inspect *in, struct span s)
{
	static const struct {
		const char	*member;
		void		(*show)(struct inspect *, struct span);
	} kinds[] = {
		{ "tree_head_signature", sth },
		{ "sha256_root_hash", sth },
		{ "entries", entries },
		{ "operators", log_list },
		{ "statements", evidence },
	};
	struct err	 e = ERR_INIT;
	json_t		*o, *line;
	size_t		 i;

	o = jsn_object(s, "file", &e);
	if (o == NULL) {
		line = inspect_begin(in, "json");
		inspect_malformed(in, line, &e);
		return 1;
	}
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (json_object_get(o, kinds[i].member) != NULL) {
			json_decref(o);
			kinds[i].show(in, s);
			return 1;
		}
	json_decref(o);
	return 0;
}
