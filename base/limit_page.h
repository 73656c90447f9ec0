#ifndef BASE_LIMIT_PAGE_H
#define BASE_LIMIT_PAGE_H

/* Caps of answers that are read without libcurl; as in limit.h. */

/* A line of a header or of chunks: honest ones have 200 bytes. */
#define LIMIT_PAGE_LINE		8192u
/* All lines of one answer, extensions of chunks and trailers among them. */
#define LIMIT_PAGE_HEAD		65536u
/* Connections that are kept though nobody uses them. */
#define LIMIT_PAGE_KEPT		512u
/* Hosts that are known to need libcurl. */
#define LIMIT_PAGE_ODD		64u

#endif
