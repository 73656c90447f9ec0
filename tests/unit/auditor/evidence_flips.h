#ifndef TESTS_UNIT_AUDITOR_EVIDENCE_FLIPS_H
#define TESTS_UNIT_AUDITOR_EVIDENCE_FLIPS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/evidence.h"
#include "auditor/evidence_verify.h"
#include "auditor/role/sign.h"
#include "base/buf.h"
#include "base/enc.h"
#include "base/mem.h"

/* Every field of an evidence file changed, one after the other. */

struct flips {
	json_t		*root;
	struct sign	*instance;	/* who seals */
	enum evidence_verdict (*judge)(const char *, size_t, int);
	int	 seal;		/* seal again after each change */
	int	 days;		/* coverage: nothing asks read_url */
	size_t	 n, missed;
	char	 where[400];
};

/* Judge the file as it is now, sealed anew when asked. */
static inline void
changed(struct flips *f, const char *what)
{
	struct buf	 sig = BUF_INIT, b64 = BUF_INIT;
	json_t		*copy = json_copy(f->root);
	char		*text;

	if (f->seal) {
		text = evidence_sealed(copy);
		assert_int_equal(sign_statement(f->instance, SPAN_STR(text),
		    &sig, NULL), 0);
		enc_b64(&b64, sig.p, sig.n);
		json_object_set_new(copy, "seal",
		    json_string(buf_text(&b64)));
		free(text);
	}
	text = json_dumps(copy, JSON_COMPACT);
	f->n++;
	if (f->judge(text, strlen(text), 0) != EVIDENCE_INVALID) {
		f->missed++;
		(void)fprintf(stderr, "%s %s: not rejected\n", f->where, what);
	}
	free(text);
	json_decref(copy);
	buf_free(&sig);
	buf_free(&b64);
}

static inline void
flip_string(struct flips *f, json_t *v)
{
	struct buf	 b = BUF_INIT, t = BUF_INIT;
	char		*old = mem_str(json_string_value(v)), *new;
	size_t		 i, step, n = strlen(old);

	if (n >= 40 && n % 4 == 0 && enc_unb64(old, n, &b) == 0) {
		step = f->seal ? 1 + b.n / 60 : 1;
		for (i = 0; i < b.n; i += step) {
			b.p[i] ^= (uint8_t)(1 << i % 8);
			buf_reset(&t);
			enc_b64(&t, b.p, b.n);
			(void)json_string_set(v, buf_text(&t));
			changed(f, "byte");
			b.p[i] ^= (uint8_t)(1 << i % 8);
		}
	} else {
		new = mem_str(old);
		for (i = 0; i < n; i += 1 + n / 20) {
			new[i] = old[i] == 'a' ? 'b' : 'a';
			(void)json_string_set(v, new);
			changed(f, "character");
			new[i] = old[i];
		}
		free(new);
		new = mem_printf("%sx", old);
		(void)json_string_set(v, new);
		changed(f, "longer");
		free(new);
	}
	(void)json_string_set(v, "");
	if (n != 0)
		changed(f, "empty");
	(void)json_string_set(v, old);
	free(old);
	buf_free(&b);
	buf_free(&t);
}

/* What only the seal binds: it is about the log, not of it. */
static inline int
only_sealed(const char *key)
{
	static const char *const keys[] = { "created_at", "seal", "url",
	    "description", "operator", "list", "instance_key",
	    "malformed" };
	size_t	i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i]) == 0)
			return 1;
	return 0;
}

/* Bytes that nothing binds: there is no key for them, or no meaning. */
static inline int
is_loose(const json_t *o, const char *key)
{
	const char	*result = json_string_value(json_object_get(o,
			    "result"));

	return strcmp(key, "raw") == 0 && result != NULL &&
	    (strcmp(result, "malformed") == 0 ||
	    strcmp(result, "unknown_log") == 0);
}

static inline void flip(struct flips *, json_t *);

static inline void
flip_object(struct flips *f, json_t *o)
{
	json_t		*v, *copy = json_copy(o);
	const char	*key;
	size_t		 n = strlen(f->where);

	json_object_foreach(copy, key, v) {
		(void)snprintf(f->where + n, sizeof(f->where) - n, ".%s", key);
		if (f->seal && f->days && strcmp(key, "read_url") == 0)
			continue;
		if (f->seal && is_loose(o, key))
			continue;
		if (!f->seal || !only_sealed(key) || (strcmp(key, "url") == 0
		    && json_object_get(o, "ask") != NULL)) {
			json_incref(v);
			(void)json_object_del(o, key);
			changed(f, "removed");
			json_object_set_new(o, key, json_null());
			changed(f, "null");
			json_object_set_new(o, key, v);
			flip(f, v);
		}
	}
	f->where[n] = '\0';
	json_object_set_new(o, "extra", json_integer(1));
	changed(f, "more");
	(void)json_object_del(o, "extra");
	json_decref(copy);
}

static inline void
flip(struct flips *f, json_t *v)
{
	json_t	*item;
	size_t	 i, n = strlen(f->where);
	int	 top;

	if (json_is_object(v)) {
		flip_object(f, v);
	} else if (json_is_array(v)) {
		top = strcmp(f->where, ".statements") == 0 ||
		    strcmp(f->where, ".logs") == 0;
		for (i = 0; i < json_array_size(v); i++) {
			(void)snprintf(f->where + n, sizeof(f->where) - n,
			    "[%zu]", i);
			item = json_incref(json_array_get(v, i));
			if (!top || !f->seal) {
				(void)json_array_remove(v, i);
				changed(f, "left out");
				(void)json_array_insert(v, i, item);
			}
			flip(f, item);
			json_decref(item);
		}
		f->where[n] = '\0';
	} else if (json_is_integer(v)) {
		(void)json_integer_set(v, json_integer_value(v) + 1);
		changed(f, "+1");
		(void)json_integer_set(v, json_integer_value(v) - 2);
		changed(f, "-1");
		(void)json_integer_set(v, json_integer_value(v) + 1);
	} else if (json_is_string(v)) {
		flip_string(f, v);
	}
}

#endif
