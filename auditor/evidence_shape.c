#include "auditor/evidence_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"

/* The form of an evidence file's objects: nothing that is not looked at. */

/* Printable ASCII and UTF-8 beyond it: no control characters. */
static int
is_text(const json_t *v)
{
	const char	*s = json_string_value(v);
	size_t		 i, n = json_string_length(v);

	if (s == NULL)
		return 0;
	for (i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return 0;
	return 1;
}

/* Canonical base64, of ${n} bytes unless that is 0. */
static int
is_b64(const json_t *v, size_t n)
{
	struct buf	b = BUF_INIT;
	int		ok;

	ok = json_is_string(v) && enc_unb64(json_string_value(v),
	    json_string_length(v), &b) == 0 && (n == 0 || b.n == n);
	buf_free(&b);
	return ok;
}

static int
is_hex(const json_t *v)
{
	const char	*s = json_string_value(v);

	return s != NULL && json_string_length(v) == 64 &&
	    strspn(s, "0123456789abcdef") == 64;
}

/* A time in the one form that we write. */
static int
is_time(const json_t *v)
{
	const char	*s = json_string_value(v);
	int64_t		 us;
	char		 t[CLK_TEXT];

	return s != NULL && strlen(s) == json_string_length(v) &&
	    clk_parse(s, &us) == 0 && strcmp(clk_text(us, t), s) == 0;
}

static int
is_kind(const json_t *v, char kind)
{
	size_t	i;

	switch (kind) {
	case 's':
		return is_text(v);
	case 'b':
		return is_b64(v, 0);
	case 'h':
		return is_hex(v);
	case 't':
		return is_time(v);
	case 'i':
		return json_is_integer(v) && json_integer_value(v) >= 0;
	case 'a':
		return json_is_array(v);
	case 'o':
		return json_is_object(v);
	case 'f':
		return json_is_boolean(v);
	default:
		break;
	}
	if (!json_is_array(v))
		return 0;
	for (i = 0; i < json_array_size(v); i++)
		if (kind == 'n' ? !is_b64(json_array_get(v, i), 32) :
		    !is_kind(json_array_get(v, i), kind == 'A' ? 's' :
		    kind == 'H' ? 'h' : 'b'))
			return 0;
	return 1;
}

/* One word of a shape: 1 the member is there, 0 it need not, -1. */
static int
member(const json_t *o, char *word, struct err *e)
{
	const json_t	*v;
	int		 may = word[0] == '?';
	char		*name = strchr(word, ' ');

	*name++ = '\0';
	v = json_object_get(o, name);
	if (v == NULL && may)
		return 0;
	if (v == NULL)
		return err_set(e, ERR_FORMAT, "`%s` is missing", name);
	if (!is_kind(v, word[may]))
		return err_set(e, ERR_FORMAT, "`%s` does not have its form",
		    name);
	return 1;
}

int
evidence_shape(const json_t *o, const char *shape, struct err *e)
{
	char	*words, *word, *save = NULL;
	size_t	 seen = 0;
	int	 r = 0;

	if (!json_is_object(o))
		return err_set(e, ERR_FORMAT, "is no object");
	words = mem_str(shape);
	for (word = strtok_r(words, ",", &save); word != NULL && r != -1;
	    word = strtok_r(NULL, ",", &save)) {
		r = member(o, word, e);
		seen += r == 1;
	}
	free(words);
	if (r == -1)
		return -1;
	if (seen != json_object_size(o))
		return err_set(e, ERR_FORMAT, "has a member that this "
		    "version does not know");
	return 0;
}

const char *
evidence_str(const json_t *o, const char *key)
{
	const char	*s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

uint64_t
evidence_int(const json_t *o, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(o, key));
}

void
evidence_bytes(const json_t *o, const char *key, struct buf *out)
{
	const json_t	*v = json_object_get(o, key);

	(void)enc_unb64(json_string_value(v), json_string_length(v), out);
}

void
evidence_join(const json_t *a, struct buf *out)
{
	const json_t	*v;
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++) {
		v = json_array_get(a, i);
		(void)enc_unb64(json_string_value(v), json_string_length(v),
		    out);
	}
}
