#ifndef AUDITOR_CONF_TABLE_H
#define AUDITOR_CONF_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct conf_map;

/*
 * The schema of the configuration: one table, from which reading, checking,
 * defaults, `config show` and "did you mean" derive.
 */

enum conf_type {
	CONF_T_STR,		/* char * */
	CONF_T_PATH,		/* char *, from the file's folder */
	CONF_T_SECRET,		/* char *, path or credential:NAME */
	CONF_T_SECONDS,		/* int64_t: 60s 30m 6h 1d */
	CONF_T_RATE,		/* int64_t, bytes a second: 20MB/s */
	CONF_T_SIZE,		/* int64_t, bytes: 256MB */
	CONF_T_COUNT,		/* int; "auto" is 0 */
	CONF_T_WORD,		/* int, index in words */
	CONF_T_DATE,		/* int64_t, microseconds; INT64_MIN: none */
	CONF_T_STRS,		/* struct conf_strs */
	CONF_T_MAP,		/* a mapping; its fields lie in the parent */
	CONF_T_MAPS,		/* array of structs and its size_t */
	CONF_T_DICT		/* the same, written as a mapping by name */
};

#define CONF_F_REQUIRED	0x01u
#define CONF_F_NAME	0x02u	/* the key in the mapping above (DICT) */
#define CONF_F_HERE	0x04u	/* MAP: the int at off is 1 where it is
				   written, be it empty */
#define CONF_F_ONE	0x08u	/* STRS: a single value is a list of one */

struct conf_key {
	const char		*name;
	enum conf_type		 type;
	unsigned		 flags;
	size_t			 off;		/* of the field */
	size_t			 count_off;	/* of its size_t (MAPS, DICT) */
	const char		*dflt;		/* as it would be written */
	const char		*help;		/* a few words */
	int64_t			 min, max;
	const char *const	*words;		/* ended by NULL: the values */
	/* With words: what else there may be (also with CONF_T_PATH). */
	int			(*check)(const char *, struct err *);
	const struct conf_map	*map;
};

struct conf_map {
	size_t			 size;		/* of one struct */
	const char		*scalar;	/* key that a plain text sets */
	const struct conf_key	*keys;		/* ended by name == NULL */
};

/* All of it; size is that of struct conf. */
extern const struct conf_map conf_table;

/* The mappings below acme and managed: parts of it. */
extern const struct conf_map conf_table_acme, conf_table_managed;

/* Is it a kind of finding?  0, or -1 ERR_USAGE with the nearest one. */
int conf_table_kind(const char *, struct err *);

/* The key of that name, or NULL. */
const struct conf_key *conf_table_key(const struct conf_map *, const char *);

#endif
