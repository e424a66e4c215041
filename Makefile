# reuseshim. 'make help' lists the targets; README.md says more of the first.

CC      ?= cc
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
# What glibc's loader puts in the place of $LIB (ld.so(8)): lib/x86_64-linux-gnu, lib64, lib. So one LD_PRELOAD serves
# 64-bit and 32-bit programs. It is asked; loaders before 2.33 do not tell, then the compiler's multiarch name is taken.
token    = $(or $(shell $(firstword $(wildcard $(1)) true) --list-diagnostics 2>/dev/null | sed -n 's/^dl_dst_lib="\(.*\)"/\1/p'),$(patsubst %,lib/%,$(shell $(CC) $(2) -print-multiarch 2>/dev/null)),$(3))
LIBSUB   := $(call token,/lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1,,lib)
LIBSUB32 := $(call token,/lib/ld-linux.so.2 /lib/ld-linux-armhf.so.3,-m32,lib32)
LIBDIR   ?= $(PREFIX)/$(LIBSUB)
LIBDIR32 ?= $(PREFIX)/$(LIBSUB32)
DATADIR ?= $(PREFIX)/share
COMPDIR ?= $(DATADIR)/bash-completion/completions
ZSHDIR  ?= $(DATADIR)/zsh/site-functions
FISHDIR ?= $(DATADIR)/fish/vendor_completions.d
MANDIR  ?= $(DATADIR)/man
CATALOGDIR ?= $(PREFIX)/lib/systemd/catalog
DESTDIR ?=
BUILD   ?= build
CFLAGS  ?= -O2
LINKSTRIP ?= -Wl,-s
NM      ?= nm
V       ?= 0
Q        = $(if $(filter 1,$(V)),,@)

WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Werror
# The host's stack may be small. A sanitizer makes frames larger, its build sets FRAME to nothing.
FRAME   ?= -Wframe-larger-than=2048
# musl-gcc does not look where the kernel's headers are.
KERNEL   := $(shell printf '\043include <linux/inet_diag.h>\n' | $(CC) -E -x c - >/dev/null 2>&1 || \
              echo -idirafter /usr/include -idirafter /usr/include/$$($(CC) -print-multiarch))
# A compiler that makes time_t 64 bits wide on 32-bit processors by itself would bring in names that old libcs have not got.
PLAIN    = -std=c11 -D_DEFAULT_SOURCE -U_TIME_BITS -U_FILE_OFFSET_BITS -Iinclude $(KERNEL)
INSIDE   = $(PLAIN) -fPIC -fvisibility=hidden -fasynchronous-unwind-tables -ffunction-sections -fdata-sections $(FRAME)
# No stack protector and no fortified calls, whatever CFLAGS say: both want names that one of the two libcs does not have.
# Neither atomics that ask libgcc, and so glibc's __getauxval, which instructions this arm64 has.
LAST     = -U_FORTIFY_SOURCE -fno-stack-protector -fno-builtin-bcmp $(ATOMICS)
ATOMICS := $(if $(findstring aarch64,$(shell $(CC) -dumpmachine 2>/dev/null)),-mno-outline-atomics)

ROOMS    = base systems policy setup conflict record
SHARED   = $(wildcard $(ROOMS:%=shim/%/*.c) $(ROOMS:%=shim/%/*/*.c))
HOOKS    = $(wildcard shim/hooks/*.c)
# The trap goes by the library's own rules for a call.
TRAP     = $(wildcard shim/trap/*.c) shim/hooks/apply.c shim/hooks/undo.c shim/hooks/group.c
COMMAND  = $(wildcard shim/command/*.c shim/command/*/*.c)
PROGRAMS = $(patsubst tests/programs/%.c,$(BUILD)/programs/%,$(wildcard tests/programs/*.c))
PRELOADS = $(patsubst tests/programs/lib/%.c,$(BUILD)/programs/lib/%.so,$(wildcard tests/programs/lib/*.c))
UNITS    = $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/unit/*.c)) $(BUILD)/kernel/pairs $(BUILD)/kernel/histories $(BUILD)/kernel/automatic
WORLD    = $(addprefix tests/kernel/,world.c witness.c judge.c arguments.c)
objects  = $(patsubst %.c,$(BUILD)/%.o,$(1))

PAGES    = shim/command/reuseshim.1 shim/policy/reuseshim.policy.5 shim/hooks/libreuseshim.7 shim/systems/reuseshim-semantics.7
FOLDERS  = $(BINDIR) $(LIBDIR) $(DATADIR)/reuseshim/policies $(COMPDIR) $(ZSHDIR) $(FISHDIR) $(CATALOGDIR) $(addprefix $(MANDIR)/man,1 5 7)

LIBRARY  = $(BUILD)/libreuseshim.so
TOOL     = $(BUILD)/reuseshim

all: $(LIBRARY) $(TOOL) ## build the library and the command, in build/ (the default)

help: ## list the targets
	@sed -nE 's/^([a-z0-9-]+( [a-z0-9-]+)*):[^=].*## (.*)/  make \1\t\3/p' $(firstword $(MAKEFILE_LIST)) | tr '\t' '|' | \
	    awk -F'|' '{ printf "%-36s  %s\n", $$1, $$2 }'

# What runs in every process lies together, in front: the kernel maps 64 KB of a file at the first touch.
# The library has the policies without what their comments say, in the same lines.
TEXTS    = shim/policy/shipped.c
RULES    = $(patsubst %,$(BUILD)/rules/%,$(wildcard policies/*.policy))
EARLY    = $(addprefix shim/,hooks/state.c hooks/next.c hooks/strings.c setup/load_facts.c base/memory.c base/raw.c)

# Depends on nothing (-nostdlib): one file for glibc old and new and for musl. libgcc is static.
$(LIBRARY): $(call objects,$(EARLY) $(filter-out $(EARLY) $(TEXTS),$(HOOKS) $(SHARED))) $(BUILD)/rules/shipped.o shim/hooks/exports.map shim/hooks/imports
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -nostdlib -Wl,-z,relro,-z,now,-z,noexecstack,-z,noseparate-code,--build-id=sha1 \
	    -Wl,--gc-sections -Wl,-soname,libreuseshim.so -Wl,--version-script=shim/hooks/exports.map \
	    -o $@ $(filter %.o,$^) $(LINKSTRIP) -lgcc -shared
	$(Q)foreign=$$($(NM) -D --undefined-only $@ | sed 's/.* //; s/@.*//; /^$$/d' | grep -vxFf shim/hooks/imports | tr '\n' ' '); \
	    [ -z "$$foreign" ] || { rm -f $@; echo "$@: needs $${foreign}which not every libc has (shim/hooks/imports); look at CFLAGS" >&2; exit 1; }

$(TOOL): $(call objects,$(SHARED) $(TRAP) $(COMMAND))
	@echo "  LINK    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^)

PLACES   = PREFIX='"$(PREFIX)"' BINDIR='"$(BINDIR)"' LIBDIR='"$(LIBDIR)"' LIBDIR32='"$(LIBDIR32)"' LIBSUB='"$(LIBSUB)"' \
           LIBSUB32='"$(LIBSUB32)"'
# "make" and then "make install PREFIX=/usr": the command must know where the library really went.
$(BUILD)/places: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(PLACES:%='%') | cmp -s - $@ || printf '%s\n' $(PLACES:%='%') >$@
$(BUILD)/shim/command/program/library.o: $(BUILD)/places
FORCE:

$(BUILD)/shim/trap/%.o: FRAME =
$(BUILD)/shim/command/%.o: shim/command/%.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(PLAIN) $(WARNINGS) $(CFLAGS) $(CPPFLAGS) $(PLACES:%=-D%) -MMD -MP -c -o $@ $<

# Only the doors and what they pass are in anybody's way; the rest is for the day of a failure, and small.
COLD     = $(ROOMS:%=shim/%/%.o) $(addprefix shim/hooks/,$(addsuffix .o,emulate emulate_connect emulate_turn portability repetition report retry undo workspace))
$(COLD:%=$(BUILD)/%): SIZE = -Os

# Nothing unwinds through these: signals are held while they run, that of pthread_cancel as well (raw_mask_hold).
HELD     = conflict record systems
$(HELD:%=$(BUILD)/shim/%/%.o): SIZE = -Os -fno-asynchronous-unwind-tables -fno-unwind-tables

$(BUILD)/shim/%.o: shim/%.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(INSIDE) $(WARNINGS) $(CFLAGS) $(SIZE) $(CPPFLAGS) $(LAST) -MMD -MP -c -o $@ $<

$(BUILD)/shim/policy/shipped.o: $(wildcard policies/*.policy)
$(BUILD)/rules/policies/%: policies/%
	@mkdir -p $(@D)
	@sed 's/^[[:blank:]]*#.*//' $< >$@
$(BUILD)/rules/shipped.o: $(TEXTS) $(RULES)
	@echo "  CC      $<, without comments"
	$(Q)$(CC) $(INSIDE) $(WARNINGS) $(CFLAGS) -Os $(CPPFLAGS) -DPOLICIES='"$(BUILD)/rules/policies/"' $(LAST) -MMD -MP -c -o $@ $<
$(BUILD)/shim/command/log/page.o: shim/command/log/page.html
$(BUILD)/shim/command/matrix/page.o: shim/command/matrix/page.html

# Programs that play the host in the tests, and tests of the pure modules.
$(BUILD)/programs/%: tests/programs/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) -O1 -g -MMD -MP -o $@ $< -lpthread -ldl -lm

$(BUILD)/programs/lib/%.so: tests/programs/lib/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(filter-out -Wmissing-prototypes,$(WARNINGS)) -O1 -g -fPIC -o $@ $< -ldl -shared

$(BUILD)/kernel/%: tests/kernel/%.c $(WORLD) $(wildcard tests/kernel/*.h) $(call objects,$(SHARED))
	@mkdir -p $(@D)
	$(Q)$(CC) $(PLAIN) -Itests/unit -Ishim $(WARNINGS) $(CFLAGS) -o $@ $< $(WORLD) $(filter %.o,$^)

$(BUILD)/unit/%: tests/unit/%.c $(call objects,$(SHARED))
	@mkdir -p $(@D)
	$(Q)$(CC) $(PLAIN) -Itests/unit -Ishim $(WARNINGS) $(CFLAGS) -MMD -MP -o $@ $< $(filter %.o,$^)

# Targets of libFuzzer; tests/ci/fuzz.sh says with which compiler and flags. Some have a kernel of their own, one has the doors.
FUZZERS  = $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/fuzz/*.c))
PARTS    = $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/fuzz/parts/*.c))
STAGED   = $(addprefix $(BUILD)/fuzz/,netlink proc explain settings why)
STAGE    = $(filter $(BUILD)/tests/fuzz/parts/kernel%,$(PARTS))

$(BUILD)/tests/fuzz/%.o: tests/fuzz/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(PLAIN) -Ishim $(WARNINGS) $(CFLAGS) $(PLAINLY) -MMD -MP -c -o $@ $<

# What is asked of an output is no way through the program.
$(addprefix $(BUILD)/tests/fuzz/parts/,expect.o record_forms.o): PLAINLY = -O2 -fno-sanitize=fuzzer-no-link

$(BUILD)/fuzz/all.a: $(call objects,$(SHARED) $(filter-out shim/command/main.c,$(COMMAND))) $(filter-out $(STAGE),$(PARTS))
	@mkdir -p $(@D)
	$(Q)$(AR) rc $@ $^

$(STAGED): $(STAGE)
$(BUILD)/fuzz/hooks.a: $(call objects,$(HOOKS))
	@mkdir -p $(@D)
	$(Q)$(AR) rc $@ $^
$(BUILD)/fuzz/doors: $(BUILD)/fuzz/hooks.a
$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/fuzz/all.a
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(filter %hooks.a,$^) $(BUILD)/fuzz/all.a

programs: $(PROGRAMS) $(PRELOADS) ## the programs that tests run
units: $(UNITS) ## the tests of single modules

lib32: ## the library for 32-bit programs
	$(Q)printf 'int main(void) { return 0; }\n' | $(CC) -m32 -x c -o /dev/null - 2>/dev/null || \
	    { echo "lib32: $(CC) -m32 does not work; install a 32-bit compiler and libc (Debian: gcc-multilib)" >&2; exit 1; }
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/32 CFLAGS="$(CFLAGS) -m32" $(BUILD)/32/libreuseshim.so

demo: all programs ## a server that cannot restart, why, and how it restarts under the library
	$(Q)tests/demo.sh $(BUILD)

# quick: what needs nothing but a compiler, bats, jq, iproute2 and python3. check: what a change has to pass. long: the rest.
check-quick check check-long: ## the tests: in a minute; what a change has to pass; the rest
	$(Q)tests/check.sh $(subst check-,,$@)

# In a Debian made for it: make check-fresh, or make check-fresh SUITE=sid COMMAND="make deb".
check-fresh: ## make check in a Debian made for it (SUITE=, COMMAND=)
	$(Q)tests/fresh_root.sh $(or $(SUITE),bookworm) "$(or $(COMMAND),make check)"

check-faults: all programs ## each system call of the library fails in turn: the whole matrix
	$(Q)unshare --net --pid --fork --mount-proc sh -c 'ip link set lo up && exec "$$@"' sh \
	    python3 tests/programs/fault_matrix.py $(BUILD)/programs/faults $(abspath $(BUILD))/libreuseshim.so

soak: all ## nginx and redis under load, started again all the time (MINUTES=)
	$(Q)tests/soak/soak.sh $(BUILD) $$(($(or $(MINUTES),30) * 60))

bench-trap: all programs ## what the trap of run costs
	@tests/bench/trap.sh $(BUILD)

check-trap: all programs units ## tests of the library's answers, of programs under the trap of run instead
	REUSESHIM_TEST_TRAP=1 bats tests/causes.bats tests/conflict.bats tests/wait.bats tests/restart.bats

check-analysis: ## gcc -fanalyzer and clang-tidy over the source
	$(Q)tests/ci/analysis.sh

check-memory: all programs ## the command under valgrind's memcheck
	$(Q)tests/ci/memcheck.sh

check-sanitized: ## all bats tests with sanitizers in the library and in the command
	$(Q)tests/ci/sanitized_bats.sh

coverage: ## which lines and branches the tests reach, room by room
	$(Q)tests/ci/coverage.sh

# What a change seldom breaks, and this machine cannot show by itself. Not in the gate; each says what it has found as a table.
check-kernels: all programs units ## the rule and the records on Debian's kernels, in qemu (KERNELS="5.10 6.1")
	$(Q)tests/kernels/check.sh $(BUILD)

# Debian's cross compilers keep gcc-multilib out, and newer compilers want a newer Debian: in one made for it, as check-fresh.
check-architectures: ## other processors: units and a restart under qemu-user (SUITE=)
	$(Q)tests/fresh_root.sh $(or $(SUITE),trixie) tests/ports/architectures.sh

check-compilers: ## every gcc and clang of a Debian, musl-gcc, tcc (SUITE=; else bookworm, then sid)
	$(Q)for suite in $(or $(SUITE),bookworm sid); do tests/fresh_root.sh $$suite tests/ports/compilers.sh || exit; done

check-go: ## Go under the trap, with a Go whose listeners are MPTCP's (SUITE=)
	$(Q)tests/fresh_root.sh $(or $(SUITE),trixie) tests/ports/go.sh

check-libcs: all ## the library under older and newer glibc and musl
	$(Q)tests/ports/libcs.sh $(BUILD)

check-transparency: all ## suites that others wrote: the same results with the library as without
	$(Q)tests/transparency/run.sh

# make fuzz SECONDS=3600, or with NAME=policy one target alone; in between they share the time.
fuzz: ## the targets of libFuzzer, for SECONDS= in all, or the one of NAME=
	$(Q)tests/ci/fuzz.sh "$(NAME)" "$(or $(SECONDS),600)"

bench: all programs ## what the library costs, as ratios
	$(Q)tests/bench/bench.sh $(BUILD)

bench-all: all programs ## the same and more, beside ss, lsof, fuser, nginx, redis (CSV=, PEER=, ROUNDS=)
	$(Q)tests/bench/bench.sh $(BUILD) && tests/bench/everything.sh $(BUILD)

# The recipes split at blanks. Refused before anything is built for it.
blank    = $(if $(word 2,x$($(1))x),$(error $(1): '$($(1))' has a blank in it))
checked  = $(foreach name,PREFIX DESTDIR BINDIR LIBDIR LIBDIR32 DATADIR MANDIR COMPDIR ZSHDIR FISHDIR CATALOGDIR BUILD,$(call blank,$(name)))
$(if $(filter install uninstall,$(MAKECMDGOALS)),$(checked))

install: all ## PREFIX, DESTDIR, LIBDIR, BINDIR, MANDIR and DATADIR say where
	install -d $(FOLDERS:%=$(DESTDIR)%)
	install -m 755 $(TOOL) $(DESTDIR)$(BINDIR)/reuseshim
	install -m 644 $(LIBRARY) $(DESTDIR)$(LIBDIR)/libreuseshim.so
	install -m 644 policies/*.policy $(DESTDIR)$(DATADIR)/reuseshim/policies
	install -m 644 shim/command/reuseshim.bash $(DESTDIR)$(COMPDIR)/reuseshim
	install -m 644 shim/record/reuseshim.catalog $(DESTDIR)$(CATALOGDIR)
	install -m 644 shim/command/reuseshim.zsh $(DESTDIR)$(ZSHDIR)/_reuseshim
	install -m 644 shim/command/reuseshim.fish $(DESTDIR)$(FISHDIR)/reuseshim.fish
	$(foreach page,$(PAGES),install -m 644 $(page) $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)));)
	if [ -e $(BUILD)/32/libreuseshim.so ]; then install -d $(DESTDIR)$(LIBDIR32) && \
	    install -m 644 $(BUILD)/32/libreuseshim.so $(DESTDIR)$(LIBDIR32)/libreuseshim.so; fi
	@[ -n "$(DESTDIR)" ] || ! command -v journalctl >/dev/null || \
	    echo "To have records explained by 'journalctl -x', run as root: journalctl --update-catalog"

# The folders that are ours alone go, too.
uninstall: ## take away what install has put there
	rm -f $(DESTDIR)$(BINDIR)/reuseshim $(DESTDIR)$(LIBDIR)/libreuseshim.so $(DESTDIR)$(LIBDIR32)/libreuseshim.so \
	    $(DESTDIR)$(COMPDIR)/reuseshim $(DESTDIR)$(ZSHDIR)/_reuseshim $(DESTDIR)$(FISHDIR)/reuseshim.fish $(DESTDIR)$(CATALOGDIR)/reuseshim.catalog \
	    $(foreach page,$(PAGES),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))
	rm -rf $(DESTDIR)$(DATADIR)/reuseshim
	@echo "Where LD_PRELOAD still names the library (a drop-in, a container, a profile, /etc/ld.so.preload), programs run as before,"
	@echo "and ld.so writes 'ERROR: ld.so: object ... cannot be preloaded' for each of them until it is taken out:"
	@echo "  grep -rl libreuseshim /etc/systemd /etc/environment /etc/profile* /etc/ld.so.preload"

# Source and binary packages for Debian, in $(BUILD)/deb.
VERSION  = $(shell sed -n 's/.*REUSESHIM_VERSION "\(.*\)"/\1/p' include/reuseshim/version.h)
SOURCES  = Makefile LICENSE README.md include policies shim tests
deb: ## Debian packages, in build/deb
	rm -rf $(BUILD)/deb
	mkdir -p $(BUILD)/deb/reuseshim-$(VERSION)
	cp -a $(SOURCES) $(BUILD)/deb/reuseshim-$(VERSION)
	tar -C $(BUILD)/deb --owner=0 --group=0 -czf $(BUILD)/deb/reuseshim_$(VERSION).orig.tar.gz reuseshim-$(VERSION)
	cp -a shim/package/debian $(BUILD)/deb/reuseshim-$(VERSION)
	cd $(BUILD)/deb/reuseshim-$(VERSION) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc

clean: ## remove build/
	rm -rf $(BUILD)

# The suites that others wrote have files of that name, too.
-include $(shell find $(BUILD) -path $(BUILD)/transparency -prune -o -type f -name '*.d' -print 2>/dev/null)

.PHONY: FORCE all help programs units lib32 demo check-quick check check-long check-trap check-fresh check-faults soak bench bench-all bench-trap check-analysis check-memory check-sanitized coverage install uninstall deb clean check-kernels check-architectures check-compilers check-go check-libcs check-transparency fuzz
.DELETE_ON_ERROR:
