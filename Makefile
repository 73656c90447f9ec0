# certvigil: one makefile, out of tree, no configure step.  "make help" lists
# the targets.
#
# Knobs.  V is the variant (release, asan, fuzz); B the folder that everything
# is built into; VERBOSE=1 shows whole commands.

V	?= release
B	?= build
CC	?= gcc
CFLAGS	?= -O2 -g
PREFIX	?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR	?= /lib/systemd/system
FUZZ_SECS ?= 60

.DEFAULT_GOAL := all

# libFuzzer is clang's.
ifeq ($(V),fuzz)
CC	:= $(firstword $(notdir $(wildcard /usr/bin/clang-14)) clang)
endif

VERSION	:= $(shell cat VERSION)
O	:= $(B)/$(V)

# --- what must be there, with the Debian package that brings it -----------

NEED	:= libcrypto:libssl-dev libssl:libssl-dev libcurl:libcurl4-openssl-dev \
	   jansson:libjansson-dev libpq:libpq-dev libdeflate:libdeflate-dev \
	   yaml-0.1:libyaml-dev libidn2:libidn2-dev libpsl:libpsl-dev \
	   libseccomp:libseccomp-dev
MODS	:= $(foreach n,$(NEED),$(firstword $(subst :, ,$(n))))

# Targets that build nothing need no library.
NOBUILD	:= help clean deps distclean
ifneq ($(filter-out $(NOBUILD),$(or $(MAKECMDGOALS),all)),)
ifeq ($(MAKELEVEL)$(AUTODEPS),0yes)
$(shell sh tests/deps.sh build 1>&2)
endif
MISSING := $(strip $(foreach n,$(NEED),$(shell \
	   pkg-config --exists $(firstword $(subst :, ,$(n))) 2>/dev/null || \
	   echo $(lastword $(subst :, ,$(n))))))
ifneq ($(MISSING),)
ifeq ($(filter run demo test check-asan bench bench-peers,$(MAKECMDGOALS)),)
$(error missing libraries: run "make deps", or apt-get install $(MISSING))
endif
endif
endif

# --- flags ------------------------------------------------------------------

# libdeflate's pkg-config file on Debian 12 is complete; jansson, idn2 and psl
# too.  Flags that the code needs stand apart from CFLAGS, which are the
# user's.
has	= $(shell $(CC) $(1) -x c -c -o /dev/null /dev/null 2>/dev/null && \
	  echo $(1))
WARN	:= -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes \
	   -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla \
	   -Wformat=2 -Werror
HARDEN	:= -fstack-protector-strong -fstack-clash-protection -fcf-protection \
	   -fPIE $(call has,-ftrivial-auto-var-init=zero)
FORTIFY	:= -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
CPPBASE	:= -D_GNU_SOURCE -DCERTVIGIL_VERSION='"$(VERSION)"' -I. -I$(O)/gen
CODE	= -std=c11 $(WARN) $(HARDEN) $(SAN) $(CPPBASE) \
	  $(shell pkg-config --cflags $(MODS)) -fvisibility=hidden
LINK	= -pie -Wl,-z,relro,-z,now,--as-needed $(SAN)
# libpq and libcurl are loaded by those that need them: db/db_libpq.c,
# net/xfer_libcurl.c.
LIBS	= $(shell pkg-config --libs $(filter-out libpq libcurl,$(MODS))) \
	  -lresolv -lm

ifeq ($(V),asan)
SAN	:= -fsanitize=address,undefined -fno-sanitize-recover=all \
	   -fno-omit-frame-pointer
FORTIFY	:=
else ifeq ($(V),fuzz)
SAN	:= -fsanitize=address,undefined,fuzzer-no-link \
	   -fno-sanitize-recover=all -fno-omit-frame-pointer
FORTIFY	:=
endif

ifdef VERBOSE
Q	:=
say	= @:
else
Q	:= @
say	= @printf '  %-7s %s\n'
endif

# --- sources: one sorted list a folder, one archive a folder ------------------

LAYERS	:= base pki ctlog ocsp acme auditor
src	= $(sort $(wildcard $(1)/*.c $(1)/*/*.c))
obj	= $(patsubst %.c,$(O)/%.o,$(1))
MAIN	:= auditor/main.c

define layer
$(1)_SRC := $$(filter-out $$(MAIN),$$(call src,$(1)))
$(1)_LIB := $$(O)/lib$(1).a
$$(O)/lib$(1).a: $$(call obj,$$($(1)_SRC))
	$$(say) AR $$@
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer,$(l))))
auditor_GEN := $(O)/gen/schema.o
$(O)/libauditor.a: $(auditor_GEN)

UP_base	:= base
UP_pki	:= pki base
UP_ctlog := ctlog pki base
UP_ocsp	:= ocsp pki base
UP_acme	:= acme pki base
UP_auditor := auditor ctlog ocsp acme pki base
UP_rig	:= base
libs	= $(foreach l,$(UP_$(1)),$(O)/lib$(l).a)

UNIT	:= $(sort $(wildcard tests/unit/*/test_*.c))
FUZZ	:= $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH	:= $(sort $(wildcard tests/bench/bench_*.c))
CONFORM	:= $(sort $(wildcard tests/conformance/conform_*.c))
RIG	:= $(sort $(wildcard tests/rig/*.c))
RIGLIB	:= $(sort $(wildcard tests/rig/lib/*.c))

PROG	:= $(O)/certvigil
UNITBIN	:= $(UNIT:%.c=$(O)/%)
FUZZBIN	:= $(FUZZ:%.c=$(O)/%)
BENCHBIN := $(BENCH:%.c=$(O)/%)
CONFORMBIN := $(CONFORM:%.c=$(O)/%)
RIGBIN	:= $(RIG:%.c=$(O)/%)

all: $(PROG)

$(O)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CODE) $(FORTIFY) -MMD -MP $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# The migrations, embedded: a table of version, name, text.
$(O)/gen/schema.c: schema/embed.sh $(sort $(wildcard schema/[0-9]*.sql))
	@mkdir -p $(@D)
	$(say) GEN $@
	$(Q)sh schema/embed.sh $(filter %.sql,$^) > $@.tmp && mv $@.tmp $@

$(O)/gen/%.o: $(O)/gen/%.c Makefile
	$(Q)$(CC) $(CODE) $(FORTIFY) -MMD -MP $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(PROG): $(O)/auditor/main.o $(call libs,auditor)
	$(say) LINK $@
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS)

# The same program, but its judges die of an entry that says so.
KILLABLE := $(O)/certvigil-killable
$(O)/killable/judge_page.o: auditor/role/judge_page.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(CODE) $(FORTIFY) -MMD -MP -DJUDGE_KILL $(CPPFLAGS) \
	    $(CFLAGS) -c -o $@ $<
$(KILLABLE): $(O)/auditor/main.o $(O)/killable/judge_page.o \
    $(call libs,auditor)
	$(say) LINK $@
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS)

# One object and the archives of its layer and those below.
define prog
$(O)/tests/$(1)/$(2)/%: $(O)/tests/$(1)/$(2)/%.o $$(call libs,$(2))
	$$(say) LINK $$@
	$$(Q)$$(CC) $$(LINK) $$(LDFLAGS) -o $$@ $$^ $$(LIBS) -lcmocka
endef
$(foreach l,$(LAYERS),$(eval $(call prog,unit,$(l))))

$(O)/tests/bench/%: $(O)/tests/bench/%.o $(call libs,auditor)
	$(say) LINK $@
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS)

# Suites of others, from $CERTVIGIL_DATA.
$(O)/tests/conformance/%: $(O)/tests/conformance/%.o $(call libs,auditor)
	$(say) LINK $@
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS)

# A fuzz target: with clang's engine in V=fuzz, else with the replayer.
ifeq ($(V),fuzz)
FUZZMAIN := -fsanitize=fuzzer
else
FUZZMAIN := $(O)/tests/fuzz/replay.o
$(FUZZBIN): $(FUZZMAIN)
endif
$(O)/tests/fuzz/%: $(O)/tests/fuzz/%.o $(call libs,auditor)
	$(say) LINK $@
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) \
	    $(filter -fsanitize=fuzzer,$(FUZZMAIN)) $(LIBS)

# The rig is written from the specifications: it links base only.
$(O)/tests/rig/%: $(O)/tests/rig/%.o $(call obj,$(RIGLIB)) $(call libs,rig)
	$(say) LINK $@
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $^ $(LIBS) -lssl

.SECONDARY:
-include $(shell find $(O) -name '*.d' 2>/dev/null)

# Builds inside a target use every core, unless make was told otherwise.
SUB	= $(MAKE) --no-print-directory $(if $(findstring j,$(filter-out \
	  --%,$(MAKEFLAGS))),,-j$(shell nproc))

# --- targets ------------------------------------------------------------------

deps:
	$(Q)sh tests/deps.sh all

run:
	$(Q)sh tests/deps.sh run
	+$(Q)$(SUB) all
	$(Q)sh tests/run.sh $(PROG) "$(WATCH)" "$(CONTACT)"

demo:
	$(Q)sh tests/deps.sh test
	+$(Q)$(SUB) all rig
	$(Q)bash tests/demo.sh $(O)

rig: $(RIGBIN)
unit: $(UNITBIN) $(CONFORMBIN)
fuzzers: $(FUZZBIN)
benches: $(BENCHBIN)

test:
	$(Q)sh tests/deps.sh test
	+$(Q)$(SUB) all rig unit fuzzers $(KILLABLE)
	$(Q)bash tests/run-tests.sh $(O)

test-long:
	$(Q)sh tests/deps.sh test
	+$(Q)$(SUB) all rig unit fuzzers $(KILLABLE)
	$(Q)LONG=1 bash tests/run-tests.sh $(O)

check-asan:
	$(Q)sh tests/deps.sh test
	+$(Q)$(SUB) V=asan CFLAGS='-O1 -g1' all rig unit fuzzers
	$(Q)ASAN=1 bash tests/run-tests.sh $(B)/asan

fuzz:
	$(Q)sh tests/deps.sh fuzz
	+$(Q)$(SUB) V=fuzz CFLAGS='-O1 -g' fuzzers
	$(Q)bash tests/fuzz/run.sh $(B)/fuzz $(FUZZ_SECS)

bench:
	$(Q)sh tests/deps.sh bench
	+$(Q)$(SUB) all rig benches
	$(Q)bash tests/bench/run.sh $(O)

# The same log for the newest certspotter, plain and over TLS.
bench-peers:
	$(Q)sh tests/deps.sh bench
	+$(Q)$(SUB) all rig benches
	$(Q)SECTIONS=newest bash tests/bench/run.sh $(O)

# Servers that Debian does not have: see the head of the script.
interop:
	$(Q)sh tests/deps.sh test
	+$(Q)$(SUB) all
	$(Q)bash tests/interop.sh $(O)

install: all
	$(Q)sh tests/install.sh $(PROG) "$(DESTDIR)" "$(PREFIX)" \
	    "$(SYSCONFDIR)" "$(UNITDIR)"

clean:
	rm -rf $(B)

help:
	@echo 'make all         the program, $(PROG)'
	@echo 'make run         WATCH=.example.com [CONTACT=you@example.com]: watch the public logs'
	@echo 'make demo        the whole path on this machine: a local CT log, a signed webhook'
	@echo 'make test        unit, corpus, header, include-arrow and system tests'
	@echo 'make test-long   the same with the long kill tests'
	@echo 'make check-asan  unit, corpus and one system test under ASan and UBSan'
	@echo 'make fuzz        FUZZ_SECS=60: each fuzz target for so long'
	@echo 'make interop     orders from the newest pebble, if Go and its proxy are there'
	@echo 'make bench       the figures of the README, as ratios of one run'
	@echo 'make bench-peers against certspotter, the newest too if Go and its proxy are there'
	@echo 'make install     DESTDIR= PREFIX=/usr/local'
	@echo 'make deps        the Debian packages that all of this needs'
	@echo 'make clean'

.PHONY: all deps run demo rig unit fuzzers benches test test-long check-asan \
	fuzz bench bench-peers interop install clean help
