#include <stdlib.h>
#include <string.h>

#include "acme/doc.h"
#include "acme/flow_part.h"
#include "base/mem.h"

/*
 * A flow as JSON.  Requests are not stored: which they are follows from the
 * state, and after a load the order is read first.
 */

#define VERSION 1

static void
set_text(json_t *o, const char *key, const char *text)
{
	if (text != NULL)
		(void)json_object_set_new(o, key, json_string(text));
}

static void
set_int(json_t *o, const char *key, int64_t v)
{
	(void)json_object_set_new(o, key, json_integer((json_int_t)v));
}

static json_t *
auth_json(const struct flow_auth *a)
{
	char	 text[ORDER_TEXT];
	json_t	*o = json_object();

	set_text(o, "url", a->url);
	set_int(o, "status", a->status);
	if (a->ident.text[0] != '\0')
		set_text(o, "name", order_text(&a->ident, text));
	set_int(o, "type", a->type);
	set_text(o, "token", a->token);
	set_int(o, "declined", a->declined);
	set_int(o, "place", a->held ? FLOW_PLACE_PLACED : a->place);
	set_int(o, "told", a->told);
	set_text(o, "not_placed", a->not_placed);
	return o;
}

static json_t *
want_json(const struct flow *f)
{
	char	 text[ORDER_TEXT];
	json_t	*o = json_object(), *names = json_array(),
		*prefer = json_array();
	size_t	 i;

	for (i = 0; i < f->nidents; i++)
		(void)json_array_append_new(names,
		    json_string(order_text(&f->ident[i], text)));
	for (i = 0; i < f->nprefer; i++)
		(void)json_array_append_new(prefer,
		    json_string(challenge_name(f->prefer[i])));
	(void)json_object_set_new(o, "names", names);
	(void)json_object_set_new(o, "challenges", prefer);
	set_text(o, "profile", f->profile);
	set_int(o, "profile_required", f->profile_required);
	set_text(o, "replaces", f->replaces);
	set_int(o, "not_after", f->not_after);
	set_int(o, "deadline", f->deadline);
	set_int(o, "poll", f->poll_us);
	set_int(o, "alternates", f->alternates);
	return o;
}

static json_t *
end_json(const struct flow *f)
{
	json_t	*o = json_object(), *chains = json_array();
	size_t	 i;

	for (i = 0; i < flow_chains(f); i++)
		(void)json_array_append_new(chains,
		    json_string(buf_text(&f->chain[i])));
	(void)json_object_set_new(o, "chains", chains);
	set_int(o, "picked", (int64_t)f->picked);
	set_text(o, "why", f->why);
	set_int(o, "again", f->again);
	set_int(o, "not_before", f->not_before);
	set_int(o, "unfinished", f->unfinished);
	set_int(o, "anew", f->anew);
	if (f->has_problem)
		(void)json_object_set_new(o, "problem",
		    problem_json(&f->problem));
	return o;
}

void
flow_save(const struct flow *f, struct buf *b)
{
	json_t	*o = json_object(), *auths = json_array();
	size_t	 i;

	set_int(o, "version", VERSION);
	set_int(o, "state", f->state);
	set_text(o, "new_order", f->new_order);
	(void)json_object_set_new(o, "want", want_json(f));
	set_text(o, "order", f->order);
	set_int(o, "made", f->made);
	set_text(o, "finalize", f->finalize);
	set_text(o, "profile", f->made_profile);
	set_text(o, "csr", f->csr);
	set_int(o, "finalizes", f->finalizes);
	set_int(o, "maybe", f->maybe);
	for (i = 0; i < f->nauths; i++)
		(void)json_array_append_new(auths, auth_json(&f->auth[i]));
	(void)json_object_set_new(o, "authorizations", auths);
	(void)json_object_set_new(o, "end", end_json(f));
	doc_dump(o, b);
	json_decref(o);
}

/* --- back --- */

/* A small number: ${max} at most. */
static int
small(const json_t *o, const char *key, int64_t max, int *out, struct err *e)
{
	const int64_t	range[2] = { 0, max };
	int64_t		v;

	if (doc_int(o, key, range, &v, e) == -1)
		return -1;
	*out = (int)v;
	return 0;
}

static int
moment(const json_t *o, const char *key, int64_t *out, struct err *e)
{
	const int64_t	range[2] = { 0, FLOW_TIME_MAX };

	return doc_int(o, key, range, out, e);
}

/* A text that is kept. */
static int
text(const json_t *o, const char *key, size_t cap, char **out, struct err *e)
{
	const char	*s;

	if (doc_text(o, key, cap, &s, e) == -1)
		return -1;
	*out = mem_str(s);
	return 0;
}

/* A URL, which must still be one that may be asked; absent: NULL. */
static int
link(const json_t *o, const char *key, const struct url_pin *pin, char **out,
    struct err *e)
{
	if (text(o, key, LIMIT_ACME_URL, out, e) == -1)
		return -1;
	return *out == NULL ? 0 : url_check(pin, *out, key, e);
}

static int
names_read(struct flow *f, const json_t *o, struct err *e)
{
	struct order_ident	 id;
	const json_t		*a;
	const char		*s;
	size_t			 i;

	if (doc_array(o, "names", LIMIT_ACME_NAMES, &a, e) == -1)
		return -1;
	f->ident = mem_array(json_array_size(a), sizeof(*f->ident));
	for (i = 0; i < json_array_size(a); i++) {
		s = json_string_value(json_array_get(a, i));
		if (s == NULL || order_ident(s, &id, e) == -1 ||
		    order_find(f->ident, f->nidents, &id) != -1)
			return err_set(e, ERR_FORMAT, "names: must be names, "
			    "each once");
		f->ident[f->nidents++] = id;
	}
	if (f->nidents == 0)
		return err_set(e, ERR_FORMAT, "names: there are none");
	return 0;
}

static int
want_read(struct flow *f, const json_t *o, struct err *e)
{
	const json_t	*a;
	const char	*s;
	size_t		 i;

	if (names_read(f, o, e) == -1 ||
	    doc_array(o, "challenges", CHALLENGE_MAX, &a, e) == -1)
		return -1;
	for (i = 0; i < json_array_size(a); i++) {
		s = json_string_value(json_array_get(a, i));
		if (s == NULL || challenge_of(s) == 0)
			return err_set(e, ERR_FORMAT, "challenges: must be "
			    "types");
		f->prefer[f->nprefer++] = challenge_of(s);
	}
	if (text(o, "profile", LIMIT_ACME_TEXT, &f->profile, e) == -1 ||
	    small(o, "profile_required", 1, &f->profile_required, e) == -1 ||
	    text(o, "replaces", LIMIT_ACME_TEXT, &f->replaces, e) == -1 ||
	    moment(o, "not_after", &f->not_after, e) == -1 ||
	    moment(o, "deadline", &f->deadline, e) == -1 ||
	    moment(o, "poll", &f->poll_us, e) == -1 ||
	    small(o, "alternates", 1, &f->alternates, e) == -1)
		return -1;
	if (f->poll_us == 0)
		return err_set(e, ERR_FORMAT, "poll: is missing");
	return 0;
}

static int
auth_read(struct flow *f, struct flow_auth *a, const json_t *o,
    struct err *e)
{
	const char	*name;
	int		 status, type, declined, place;

	if (link(o, "url", f->pin, &a->url, e) == -1 ||
	    small(o, "status", AUTHZ_REVOKED, &status, e) == -1 ||
	    small(o, "type", CHALLENGE_MAX - 1, &type, e) == -1 ||
	    small(o, "declined", 0xff, &declined, e) == -1 ||
	    small(o, "place", FLOW_PLACE_REMOVED, &place, e) == -1 ||
	    small(o, "told", 1, &a->told, e) == -1 ||
	    text(o, "token", LIMIT_ACME_TOKEN, &a->token, e) == -1 ||
	    text(o, "not_placed", LIMIT_ACME_TEXT, &a->not_placed, e) == -1 ||
	    doc_text(o, "name", ORDER_TEXT, &name, e) == -1)
		return -1;
	a->status = (enum authz_status)status;
	a->type = (enum challenge_type)type;
	a->declined = (unsigned)declined;
	a->place = (enum flow_place_state)place;
	if (name != NULL && (order_ident(name, &a->ident, e) == -1 ||
	    order_find(f->ident, f->nidents, &a->ident) == -1))
		return err_set(e, ERR_FORMAT, "name: was not ordered");
	if (a->url == NULL ||
	    (a->token != NULL && !doc_is_b64url(a->token, 1,
	    LIMIT_ACME_TOKEN)) ||
	    ((a->place != FLOW_PLACE_NONE || a->status != 0) &&
	    name == NULL) || (a->place != FLOW_PLACE_NONE && a->type == 0))
		return err_set(e, ERR_FORMAT, "members do not fit each other");
	/* what was placed in memory may be gone: wanted again once read */
	if (a->place == FLOW_PLACE_WANTED || a->place == FLOW_PLACE_PLACED) {
		a->place = FLOW_PLACE_NONE;
		a->held = 1;
	}
	return 0;
}

static int
auths_read(struct flow *f, const json_t *o, struct err *e)
{
	const json_t	*a;
	size_t		 i;

	if (doc_array(o, "authorizations", LIMIT_ACME_NAMES, &a, e) == -1)
		return -1;
	if (json_array_size(a) == 0)
		return 0;
	f->auth = mem_array(json_array_size(a), sizeof(*f->auth));
	for (i = 0; i < json_array_size(a); i++) {
		f->nauths++;
		if (auth_read(f, &f->auth[i], json_array_get(a, i), e) == -1)
			return err_prefix(e, "authorization %zu", i);
	}
	return 0;
}

static int
end_read(struct flow *f, const json_t *o, struct err *e)
{
	static const size_t	 caps[2] = { 1 + LIMIT_ACME_ALTERNATES,
				    LIMIT_ACME_PEM };
	const json_t		*p = json_object_get(o, "problem");
	struct doc_list		 l;
	size_t			 i;
	int			 picked, again;

	if (doc_list(o, "chains", caps, &l, e) == -1)
		return -1;
	for (i = 0; i < l.n; i++)
		buf_str(&f->chain[f->nchains++], l.v[i]);
	doc_list_free(&l);
	if (small(o, "picked", LIMIT_ACME_ALTERNATES, &picked, e) == -1 ||
	    small(o, "again", PROBLEM_NOW, &again, e) == -1 ||
	    moment(o, "not_before", &f->not_before, e) == -1 ||
	    small(o, "unfinished", 1, &f->unfinished, e) == -1 ||
	    small(o, "anew", 1, &f->anew, e) == -1 ||
	    text(o, "why", LIMIT_ACME_BODY, &f->why, e) == -1)
		return -1;
	f->picked = (size_t)picked;
	f->again = (enum problem_when)again;
	if (json_is_object(p)) {
		f->has_problem = 1;
		problem_load(&f->problem, p);
	}
	return 0;
}

static int
all_read(struct flow *f, const json_t *o, struct err *e)
{
	int	version, state, finalizes;

	if (small(o, "version", INT32_MAX, &version, e) == -1 ||
	    small(o, "state", FLOW_S_MAX - 1, &state, e) == -1)
		return -1;
	if (version != VERSION)
		return err_set(e, ERR_FORMAT, "version %d, only %d is known",
		    version, VERSION);
	f->state = (enum flow_state)state;
	if (link(o, "new_order", f->pin, &f->new_order, e) == -1 ||
	    want_read(f, json_object_get(o, "want"), e) == -1 ||
	    link(o, "order", f->pin, &f->order, e) == -1 ||
	    moment(o, "made", &f->made, e) == -1 ||
	    link(o, "finalize", f->pin, &f->finalize, e) == -1 ||
	    text(o, "profile", LIMIT_ACME_TEXT, &f->made_profile, e) == -1 ||
	    text(o, "csr", LIMIT_ACME_CSR, &f->csr, e) == -1 ||
	    small(o, "finalizes", LIMIT_ACME_FINALIZE, &finalizes, e) == -1 ||
	    small(o, "maybe", 1, &f->maybe, e) == -1 ||
	    auths_read(f, o, e) == -1 ||
	    end_read(f, json_object_get(o, "end"), e) == -1)
		return -1;
	f->finalizes = (unsigned)finalizes;
	if (f->csr != NULL && !doc_is_b64url(f->csr, 1, LIMIT_ACME_CSR))
		return err_set(e, ERR_FORMAT, "csr: must be base64url");
	return f->new_order != NULL ? 0 : err_set(e, ERR_FORMAT,
	    "new_order: is missing");
}

/* Go on from where it was. */
static int
resume(struct flow *f, int64_t now, struct err *e)
{
	switch (f->state) {
	case FLOW_S_NEW:
		flow_to_new(f, now);
		return 0;
	case FLOW_S_PICK:
	case FLOW_S_DONE:
		if (f->picked < f->nchains)
			return 0;
		break;
	case FLOW_S_CLEAN:
		flow_clean(f, now);
		return 0;
	case FLOW_S_FAILED:
		return 0;
	default:
		if (f->state == 0 || f->order == NULL)
			break;
		f->state = FLOW_S_ORDER;
		f->resumed = 1;
		flow_get_order(f, now);
		return 0;
	}
	return err_set(e, ERR_FORMAT, "state: does not fit what is there");
}

struct flow *
flow_load(struct span body, const struct flow_resume *r, struct err *e)
{
	struct flow	*f;
	json_t		*o;
	int		 rc;

	o = doc_object(body, LIMIT_ACME_STATE, "stored order", e);
	if (o == NULL)
		return NULL;
	f = mem_zero(sizeof(*f));
	f->pin = r->pin;
	rc = all_read(f, o, e);
	json_decref(o);
	if (rc == 0 && r->deadline != 0)
		f->deadline = r->deadline;
	if (rc == 0)
		rc = resume(f, r->now, e);
	if (rc == 0)
		return f;
	(void)err_prefix(e, "stored order");
	flow_free(f);
	return NULL;
}
