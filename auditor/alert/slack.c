#include "auditor/alert/slack.h"

#include <stdlib.h>
#include <string.h>

#include "base/limit.h"

/* Text before escaping: one character becomes at most five. */
#define ROOM	((LIMIT_SLACK_SECTION - 16) / 5)
#define BLOCKS	45	/* sections of one message; Slack takes 50 */

void
slack_escape(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '&')
			buf_str(out, "&amp;");
		else if (*s == '<')
			buf_str(out, "&lt;");
		else if (*s == '>')
			buf_str(out, "&gt;");
		else if (*s == '`')
			buf_u8(out, '\'');
		else
			buf_u8(out, (uint8_t)*s);
	}
}

/* verbatim: names are not made links. */
static json_t *
section(const char *text)
{
	return json_pack("{s:s, s:{s:s, s:s, s:b}}", "type", "section", "text",
	    "type", "mrkdwn", "text", text, "verbatim", 1);
}

/*
 * The end of a piece of at most ${room} escaped bytes: a line's end, or
 * inside a very long line a character's.
 */
static size_t
piece(const char *s, size_t room)
{
	size_t i, n, nl;

	nl = 0;
	for (i = n = 0; s[i] != '\0'; i++) {
		n += s[i] == '&' ? 5 : s[i] == '<' || s[i] == '>' ? 4 : 1;
		if (n > room)
			break;
		if (s[i] == '\n')
			nl = i + 1;
	}
	if (s[i] == '\0')
		return i;
	if (nl > 0)
		return nl;
	while (i > 1 && ((unsigned char)s[i] & 0xc0) == 0x80)
		i--;
	return i;
}

/* The text as sections, each one code block. */
static void
sections(json_t *blocks, const char *s)
{
	struct buf b = BUF_INIT, part = BUF_INIT;
	size_t n, k;

	for (k = 0; *s != '\0' && k < BLOCKS; k++) {
		n = piece(s, LIMIT_SLACK_SECTION - 16);
		buf_reset(&part);
		buf_add(&part, s, n);
		buf_reset(&b);
		buf_str(&b, "```\n");
		slack_escape(&b, buf_text(&part));
		buf_str(&b, "```");
		json_array_append_new(blocks, section(buf_text(&b)));
		s += n;
	}
	buf_free(&part);
	buf_free(&b);
}

void
slack_request(const struct message *m, struct message_req *r)
{
	struct buf text = BUF_INIT, title = BUF_INIT, b = BUF_INIT;
	json_t *o, *blocks;
	char *s;

	message_summary(m, ROOM, &title);
	slack_escape(&b, buf_text(&title));
	message_text(m, LIMIT_MESSAGE_TEXT, &text);
	blocks = json_array();
	json_array_append_new(blocks, section(buf_text(&b)));
	sections(blocks, buf_text(&text));
	o = json_pack("{s:s, s:o}", "text", buf_text(&b), "blocks", blocks);
	s = json_dumps(o, JSON_COMPACT);
	if (s == NULL)
		abort();
	message_header(r, "Content-Type: application/json");
	buf_str(&r->body, s);
	free(s);
	json_decref(o);
	buf_free(&text);
	buf_free(&title);
	buf_free(&b);
}
