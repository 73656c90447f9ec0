#include "auditor/conf_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/conf.h"
#include "auditor/conf_table.h"
#include "auditor/near.h"
#include "base/buf.h"
#include "base/clk.h"
#include "base/mem.h"

struct unit {
	const char	*name;
	int64_t		 factor;
};

static const struct unit time_units[] = {
	{ "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 }, { NULL, 0 }
};
static const struct unit size_units[] = {
	{ "GB", 1000000000 }, { "MB", 1000000 }, { "KB", 1000 }, { "B", 1 },
	{ NULL, 0 }
};
static const struct unit rate_units[] = {
	{ "GB/s", 1000000000 }, { "MB/s", 1000000 }, { "KB/s", 1000 },
	{ "kB/s", 1000 }, { "B/s", 1 }, { NULL, 0 }
};

/* Digits and one of the units; -1 when it is anything else. */
static int
number_unit(const char *text, const struct unit *units, int64_t *out)
{
	const char	*p = text;
	int64_t		 n = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (n > INT64_MAX / 1000000000000)
			return -1;
		n = n * 10 + (*p - '0');
	}
	if (p == text)
		return -1;
	for (; units->name != NULL; units++) {
		if (strcmp(p, units->name) != 0)
			continue;
		if (n > INT64_MAX / units->factor)
			return -1;
		*out = n * units->factor;
		return 0;
	}
	return -1;
}

/* The largest unit that divides it; ${n} bytes are enough for 19 digits. */
static void
unit_text(int64_t v, const struct unit *units, char *out, size_t n)
{
	while (units->factor > 1 && (v % units->factor != 0 || v == 0 ||
	    (units->factor == 60 && v == 60)))
		units++;
	(void)snprintf(out, n, "%" PRId64 "%s", v / units->factor,
	    units->name);
}

static int
word_index(const char *const *words, const char *text)
{
	int	i;

	for (i = 0; words != NULL && words[i] != NULL; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return -1;
}

static int
bad_word(const struct conf_key *k, const char *text, struct err *e)
{
	struct buf	 all = BUF_INIT;
	const char	*near;
	size_t		 n;

	for (n = 0; k->words[n] != NULL; n++)
		buf_fmt(&all, "%s%s", n != 0 ? ", " : "", k->words[n]);
	near = near_word(text, k->words, n);
	if (near != NULL)
		(void)err_set(e, ERR_CONF, "`%.60s` is none of its values; "
		    "did you mean `%s`?", text, near);
	else
		(void)err_set(e, ERR_CONF, "`%.60s` is none of its values: "
		    "%.300s", text, buf_text(&all));
	buf_free(&all);
	return -1;
}

/* A text against words and check. */
static int
check_text(const struct conf_key *k, const char *text, struct err *e)
{
	if (text[0] == '\0' && (k->dflt == NULL || k->dflt[0] != '\0'))
		return err_set(e, ERR_CONF, "it is empty; %s", k->help);
	if (text[0] == '\0' || word_index(k->words, text) != -1)
		return 0;
	if (k->check != NULL)
		return k->check(text, e);
	if (k->words != NULL && k->type != CONF_T_PATH)
		return bad_word(k, text, e);
	return 0;
}

static void
set_string(void *field, char *s)
{
	char	**p = field;

	free(*p);
	*p = s;
}

/* A path that is relative begins at the folder of the file. */
static void
set_path(const struct conf_key *k, void *field, const char *text,
    const char *folder)
{
	if (text[0] == '/' || folder == NULL ||
	    word_index(k->words, text) != -1 ||
	    (k->type == CONF_T_SECRET && strncmp(text, "credential:", 11) == 0))
		set_string(field, mem_str(text));
	else
		set_string(field, mem_printf("%s/%s", folder, text));
}

static int
set_amount(const struct conf_key *k, int64_t *field, const char *text,
    struct err *e)
{
	int		 time = k->type == CONF_T_SECONDS;
	int		 size = k->type == CONF_T_SIZE;
	const struct unit *units = time ? time_units : size ? size_units :
	    rate_units;
	char		 lo[48], hi[48];
	int64_t		 v;

	if ((!time && strcmp(text, "none") == 0) ||
	    word_index(k->words, text) != -1) {
		*field = 0;
		return 0;
	}
	if (number_unit(text, units, &v) == -1)
		return err_set(e, ERR_CONF, time ?
		    "`%.60s` is no duration; write 60s, 30m, 6h or 1d" : size ?
		    "`%.60s` is no size; write 500MB, 1GB or none" :
		    "`%.60s` is no rate; write 500KB/s, 20MB/s or none", text);
	if (v < k->min || v > k->max) {
		unit_text(k->min, units, lo, sizeof(lo));
		unit_text(k->max, units, hi, sizeof(hi));
		return err_set(e, ERR_CONF, "`%.60s` is out of range; from "
		    "%s to %s", text, lo, hi);
	}
	*field = v;
	return 0;
}

static int
set_count(const struct conf_key *k, int *field, const char *text,
    struct err *e)
{
	char	*end;
	long	 v;

	if (strcmp(text, "auto") == 0) {
		*field = 0;
		return 0;
	}
	v = strtol(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || v < k->min ||
	    v > k->max)
		return err_set(e, ERR_CONF, "`%.60s` is out of range; auto, "
		    "or a number from %" PRId64 " to %" PRId64, text, k->min,
		    k->max);
	*field = (int)v;
	return 0;
}

static int
set_date(int64_t *field, const char *text, struct err *e)
{
	if (clk_parse(text, field) == -1)
		return err_set(e, ERR_CONF, "`%.60s` is no date; write "
		    "2027-06-01 or 2027-06-01T12:00:00Z", text);
	/* every date of the table is an end: that day is still in it */
	if (strlen(text) == 10)
		*field += 86400 * CLK_SEC - 1;
	return 0;
}

int
conf_value_set(const struct conf_key *k, void *base, const char *text,
    const char *folder, struct err *e)
{
	void	*field = (char *)base + k->off;
	int	 i;

	switch (k->type) {
	case CONF_T_STR:
		if (check_text(k, text, e) == -1)
			return -1;
		set_string(field, mem_str(text));
		return 0;
	case CONF_T_PATH:
	case CONF_T_SECRET:
		if (check_text(k, text, e) == -1)
			return -1;
		set_path(k, field, text, folder);
		return 0;
	case CONF_T_SECONDS:
	case CONF_T_RATE:
	case CONF_T_SIZE:
		return set_amount(k, field, text, e);
	case CONF_T_COUNT:
		return set_count(k, field, text, e);
	case CONF_T_WORD:
		if ((i = word_index(k->words, text)) == -1)
			return bad_word(k, text, e);
		*(int *)field = i;
		return 0;
	case CONF_T_DATE:
		return set_date(field, text, e);
	default:
		return err_set(e, ERR_CONF, "one value is not enough; %s",
		    k->help);
	}
}

int
conf_value_add(const struct conf_key *k, void *base, const char *text,
    struct err *e)
{
	struct conf_strs	*s;

	s = (struct conf_strs *)(void *)((char *)base + k->off);
	if (check_text(k, text, e) == -1)
		return -1;
	s->v = realloc(s->v, (s->n + 1) * sizeof(*s->v));
	if (s->v == NULL)
		abort();
	s->v[s->n++] = mem_str(text);
	return 0;
}

char *
conf_value_text(const struct conf_key *k, const void *base)
{
	const void	*field = (const char *)base + k->off;
	const struct conf_strs *strs = field;
	char		 out[64];
	int64_t		 v;
	int		 n;

	switch (k->type) {
	case CONF_T_STR:
	case CONF_T_PATH:
	case CONF_T_SECRET:
		return mem_str(*(char *const *)field);
	case CONF_T_SECONDS:
		if (k->words != NULL && *(const int64_t *)field == 0)
			return mem_str(k->words[0]);
		unit_text(*(const int64_t *)field, time_units, out,
		    sizeof(out));
		return mem_str(out);
	case CONF_T_RATE:
	case CONF_T_SIZE:
		v = *(const int64_t *)field;
		if (v == 0)
			return mem_str("none");
		unit_text(v, k->type == CONF_T_SIZE ? size_units : rate_units,
		    out, sizeof(out));
		return mem_str(out);
	case CONF_T_COUNT:
		n = *(const int *)field;
		return n == 0 ? mem_str("auto") : mem_printf("%d", n);
	case CONF_T_WORD:
		return mem_str(k->words[*(const int *)field]);
	case CONF_T_DATE:
		v = *(const int64_t *)field;
		return v == INT64_MIN ? NULL : mem_str(clk_text(v, out));
	case CONF_T_STRS:
		return (k->flags & CONF_F_ONE) != 0 && strs->n == 1 ?
		    mem_str(strs->v[0]) : NULL;
	default:
		return NULL;
	}
}

void
conf_value_free(const struct conf_key *k, void *base)
{
	void			*field = (char *)base + k->off;
	struct conf_strs	*s;
	size_t			 i;

	switch (k->type) {
	case CONF_T_STR:
	case CONF_T_PATH:
	case CONF_T_SECRET:
		set_string(field, NULL);
		break;
	case CONF_T_STRS:
		s = field;
		for (i = 0; i < s->n; i++)
			free(s->v[i]);
		free(s->v);
		s->v = NULL;
		s->n = 0;
		break;
	default:
		break;
	}
}
