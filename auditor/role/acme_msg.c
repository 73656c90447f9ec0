#include "auditor/role/acme_msg.h"

#include <string.h>

/* The most bytes of a text, without its zero byte. */
#define TEXT_MAX	4096u

/* --- writing --- */

static void
put(struct buf *b, const char *s)
{
	size_t	n = s != NULL ? strnlen(s, TEXT_MAX) : 0;

	if (s == NULL) {
		buf_u16(b, 0);
		return;
	}
	buf_u16(b, (uint16_t)(n + 1));
	buf_add(b, s, n);
	buf_u8(b, 0);
}

void
acme_msg_issue(struct buf *b, const struct acme_msg_issue *m)
{
	size_t	i;

	buf_u16(b, ACME_MSG_ISSUE);
	buf_add(b, m->conf, sizeof(m->conf));
	put(b, m->author);
	put(b, m->name);
	put(b, m->challenge);
	put(b, m->key);
	put(b, m->profile);
	put(b, m->chain);
	buf_u8(b, m->reuse);
	buf_u8(b, m->require);
	buf_u16(b, (uint16_t)m->n);
	for (i = 0; i < m->n; i++)
		put(b, m->names[i]);
}

void
acme_msg_renew(struct buf *b, const struct acme_msg_renew *m)
{
	buf_u16(b, ACME_MSG_RENEW);
	buf_add(b, m->conf, sizeof(m->conf));
	put(b, m->author);
	put(b, m->name);
}

void
acme_msg_tell(struct buf *b, const char *text)
{
	buf_u16(b, ACME_MSG_TELL);
	put(b, text);
}

void
acme_msg_issued(struct buf *b, const struct acme_msg_issued *m)
{
	buf_u16(b, ACME_MSG_ISSUED);
	buf_add(b, m->cert, sizeof(m->cert));
	buf_add(b, m->tbs, sizeof(m->tbs));
	put(b, m->serial);
	buf_u64(b, (uint64_t)m->not_after);
	put(b, m->dir);
	put(b, m->order);
	buf_u64(b, (uint64_t)m->managed);
}

void
acme_msg_word(struct buf *b, const struct acme_msg_word *m)
{
	buf_u16(b, ACME_MSG_WORD);
	put(b, m->name);
	buf_u16(b, m->code);
	put(b, m->text);
	put(b, m->serial);
	buf_u64(b, (uint64_t)m->not_after);
}

void
acme_msg_renewed(struct buf *b, const struct acme_msg_renewed *m)
{
	buf_u16(b, ACME_MSG_RENEWED);
	buf_u32(b, m->done);
	buf_u32(b, m->failed);
	buf_u32(b, m->fresh);
	buf_u32(b, m->hooks);
}

void
acme_msg_failed(struct buf *b, const struct acme_msg_failed *m)
{
	buf_u16(b, ACME_MSG_FAILED);
	buf_u16(b, m->code);
	put(b, m->text);
}

void
acme_msg_refused(struct buf *b)
{
	buf_u16(b, ACME_MSG_REFUSED);
}

/* --- reading --- */

/* A text, or NULL: 0 or -1. */
static int
text_or_null(struct cur *k, const char **s)
{
	struct span	t;
	uint16_t	n;

	*s = NULL;
	if (cur_u16(k, &n) == -1 || n > TEXT_MAX + 1 ||
	    cur_take(k, n, &t) == -1)
		return -1;
	if (n == 0)
		return 0;
	if (t.p[n - 1] != '\0' || memchr(t.p, '\0', n) != t.p + n - 1)
		return -1;
	*s = (const char *)t.p;
	return 0;
}

static int
text(struct cur *k, const char **s)
{
	return text_or_null(k, s) == 0 && *s != NULL ? 0 : -1;
}

static int
bytes(struct cur *k, uint8_t *out, size_t n)
{
	struct span	s;

	if (cur_take(k, n, &s) == -1)
		return -1;
	memcpy(out, s.p, n);
	return 0;
}

static int
moment(struct cur *k, int64_t *t)
{
	uint64_t	v;

	if (cur_u64(k, &v) == -1)
		return -1;
	*t = (int64_t)v;
	return 0;
}

static int
code(struct cur *k, uint16_t *out)
{
	return cur_u16(k, out) == 0 && *out < ERR_MAX ? 0 : -1;
}

static int
flag(struct cur *k, uint8_t *out)
{
	return cur_u8(k, out) == -1 || *out > 1 ? -1 : 0;
}

static int
read_issue(struct cur *k, struct acme_msg_issue *m)
{
	uint16_t	n;

	if (bytes(k, m->conf, sizeof(m->conf)) == -1 ||
	    text(k, &m->author) == -1 || text(k, &m->name) == -1 ||
	    text_or_null(k, &m->challenge) == -1 || text(k, &m->key) == -1 ||
	    text_or_null(k, &m->profile) == -1 ||
	    text_or_null(k, &m->chain) == -1 || flag(k, &m->reuse) == -1 ||
	    flag(k, &m->require) == -1 || cur_u16(k, &n) == -1 ||
	    n == 0 || n > LIMIT_ACME_NAMES)
		return -1;
	for (m->n = 0; m->n < n; m->n++)
		if (text(k, &m->names[m->n]) == -1)
			return -1;
	return 0;
}

static int
read_issued(struct cur *k, struct acme_msg_issued *m)
{
	return bytes(k, m->cert, 32) == 0 && bytes(k, m->tbs, 32) == 0 &&
	    text(k, &m->serial) == 0 && moment(k, &m->not_after) == 0 &&
	    text(k, &m->dir) == 0 && text(k, &m->order) == 0 &&
	    moment(k, &m->managed) == 0 ? 0 : -1;
}

static int
read_word(struct cur *k, struct acme_msg_word *m)
{
	return text(k, &m->name) == 0 && code(k, &m->code) == 0 &&
	    text(k, &m->text) == 0 && text_or_null(k, &m->serial) == 0 &&
	    moment(k, &m->not_after) == 0 &&
	    (m->code != ERR_NONE || m->serial != NULL) ? 0 : -1;
}

static int
read_body(struct cur *k, struct acme_msg *m)
{
	switch (m->type) {
	case ACME_MSG_ISSUE:
		return read_issue(k, &m->u.issue);
	case ACME_MSG_RENEW:
		return bytes(k, m->u.renew.conf, ACME_MSG_CONF) == 0 &&
		    text(k, &m->u.renew.author) == 0 &&
		    text_or_null(k, &m->u.renew.name) == 0 ? 0 : -1;
	case ACME_MSG_TELL:
		return text(k, &m->u.tell);
	case ACME_MSG_ISSUED:
		return read_issued(k, &m->u.issued);
	case ACME_MSG_WORD:
		return read_word(k, &m->u.word);
	case ACME_MSG_RENEWED:
		return cur_u32(k, &m->u.renewed.done) == 0 &&
		    cur_u32(k, &m->u.renewed.failed) == 0 &&
		    cur_u32(k, &m->u.renewed.fresh) == 0 &&
		    cur_u32(k, &m->u.renewed.hooks) == 0 ? 0 : -1;
	case ACME_MSG_FAILED:
		return code(k, &m->u.failed.code) == 0 &&
		    m->u.failed.code != ERR_NONE &&
		    text(k, &m->u.failed.text) == 0 ? 0 : -1;
	case ACME_MSG_REFUSED:
		return 0;
	}
	return -1;
}

int
acme_msg_read(struct span s, struct acme_msg *m, struct err *e)
{
	struct cur	k = cur_span(s);
	uint16_t	type;

	memset(m, 0, sizeof(*m));
	if (cur_u16(&k, &type) == 0 && type >= ACME_MSG_ISSUE &&
	    type <= ACME_MSG_REFUSED) {
		m->type = (enum acme_msg_type)type;
		if (read_body(&k, m) == 0 && cur_left(&k) == 0)
			return 0;
	}
	return err_set(e, ERR_FORMAT, "a message that certvigil and its "
	    "daemon do not have; are they of the same version?");
}
