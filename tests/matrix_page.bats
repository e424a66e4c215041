#!/usr/bin/env bats
# reuseshim matrix --html: the page, and what a browser makes of it.

load helper

# The page, in $page; its data is in $data.
make_page() {
    page=$BATS_TEST_TMPDIR/page.html data=$BATS_TEST_TMPDIR/data
    "$BUILD/reuseshim" matrix --html "$page" "$@"
    sed -n '/ id="data">/,/<\/script>/p' "$page" | sed 's/^.* id="data">//; s/<\/script>$//' >"$data"
}

# in_browser SCRIPT [CHROMIUM OPTION]...: the page is opened, SCRIPT done, and what it puts into `said` printed, a line each.
in_browser() {
    local script=$1
    cat >"$BATS_TEST_TMPDIR/script" <<SCRIPT
<pre id="said"></pre><script>
{ const said = [], cells = () => [...document.querySelectorAll("td")], press = (cell, key) => cell.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
$script
document.getElementById("said").textContent = said.join("\\n"); }
</script></body>
SCRIPT
    sed -e "/^<\/body>/{r $BATS_TEST_TMPDIR/script" -e 'd}' "$page" >"$BATS_TEST_TMPDIR/told.html"
    browse "file://$BATS_TEST_TMPDIR/told.html" "${@:2}"
}

browse() {
    chromium --headless --no-sandbox --disable-gpu --disable-background-networking --allow-file-access-from-files \
        --user-data-dir="$BATS_TEST_TMPDIR/browser" --virtual-time-budget=20000 "${@:2}" --dump-dom "$1" 2>/dev/null |
        sed -n '/<pre id="said">/,/<\/pre>/p' | sed 's/^.*<pre id="said">//; s/<\/pre>.*$//; /^$/d'
}

@test "the page has the rows and answers that --csv has, those of the second listen, and a reason for each" {
    make_page
    [ "$(jq -r '.columns | map(.[0]) | join(" ")' "$data")" = "here bsd freebsd openbsd netbsd macos solaris illumos windows windows-xp linux-2.6 linux android" ]
    jq -r '(.answers | map({(.[0]): .[1]}) | add) as $words | .rows[] | select(.[1] != "second-listen") |
        (.[:7] + (.[7] | split("") | map($words[.]))) | join(",")' "$data" >"$BATS_TEST_TMPDIR/page-rows"
    "$BUILD/reuseshim" matrix --csv --system all | tail -n +2 | cmp - "$BATS_TEST_TMPDIR/page-rows"
    [ "$(jq '[.rows[] | select(.[1] == "second-listen")] | length' "$data")" = 850 ]
    jq -e '.answers | length > 20 and all(.[2] | length > 5)' "$data" >/dev/null
    jq -e '(.answers | map(.[0]) | unique | length) == (.answers | length)' "$data" >/dev/null
    jq -e '(.answers | map(.[0]) | join("")) as $letters | [.rows[][7]] | join("") | split("") | unique | all(inside($letters))' "$data" >/dev/null
    needs_root
    open_folder
    install -m 755 "$BUILD/reuseshim" "$open"
    run -0 setpriv --reuid=4711 --regid=4711 --clear-groups "$open/reuseshim" matrix --html - --only udp --only none
    [[ $output == *'every row was tried","but '*', which want a second user or IPv6"]'* ]]
}

@test "the page needs nothing from elsewhere; the words of --only and --system choose what is in it" {
    make_page --only udp --only same --system macos
    run ! grep -qE 'https?:|src=|@import|url\(|<link' "$page"
    jq -e '(.columns | length) == 2 and (.rows | length > 300 and all(.[0] == "udp" and .[6] == "same"))' "$data" >/dev/null
    run -0 "$BUILD/reuseshim" matrix --html - --only udp
    [[ $output == "<!doctype html>"*"</html>" ]]
    run -111 "$BUILD/reuseshim" matrix --html /nonexistent/page.html --only udp
    [[ $output == "reuseshim: /nonexistent/page.html: No such file or directory" ]]
    for option in --csv --json --summary; do
        run -100 "$BUILD/reuseshim" matrix --html "$page" $option
        [[ $output == "reuseshim: matrix: --html: expected neither "* ]]
    done
    run -100 "$BUILD/reuseshim" matrix --html "$BATS_TEST_TMPDIR/none" --only nothing
    [ ! -e "$BATS_TEST_TMPDIR/none" ]
}

@test "in a browser: a cell that is pointed at, tapped or reached by the keyboard explains itself" {
    make_page
    run -0 in_browser '
        const why = () => document.getElementById("detail").innerText.split("\n").filter(Boolean).slice(0, 2).join(" | ");
        const one = cells().findIndex(cell => cell.getAttribute("aria-label") === "macOS: ok");
        cells()[one].click(); said.push(why());
        press(document.activeElement, "ArrowLeft"); said.push(document.activeElement.getAttribute("aria-label"), why());
        press(document.activeElement, "Home"); said.push(document.activeElement.getAttribute("aria-label"));
        press(document.activeElement, "ArrowDown"); said.push(cells().indexOf(document.activeElement) - one + 5);
        cells()[one + 3].dispatchEvent(new PointerEvent("pointerover", {pointerType: "mouse", bubbles: true})); said.push(why());
        said.push(document.querySelectorAll("td[tabindex=\"0\"]").length);
    '
    [ "${lines[0]}" = "macOS: ok, both have the same SO_REUSEPORT option | TCP. The first socket, on 0.0.0.0 with SO_REUSEPORT, listens; the second, with SO_REUSEPORT, asks for 0.0.0.0. Both are of one user." ]
    [ "${lines[1]}" = "NetBSD: ok" ]
    [[ ${lines[2]} == "NetBSD: ok, "*" | "* ]]
    [ "${lines[3]}" = "This machine: ok" ]
    [ "${lines[4]}" = 13 ]
    [[ ${lines[5]} == "Windows from 2003 on: ENOPROTOOPT, it has no such option | TCP. The first socket"* ]]
    [ "${lines[6]}" = 1 ]
}

@test "in a browser: filters leave the rows that they are set to, and are part of the address" {
    make_page
    run -0 in_browser '
        const chip = text => [...document.querySelectorAll(".chip")].find(chip => chip.textContent === text);
        const state = () => document.getElementById("state").textContent;
        said.push(state());
        chip("UDP, multicast").click(); said.push(state());
        document.querySelector("[data-id=\"first A\"]").click(); document.querySelector("[data-id=\"second A\"]").click(); said.push(state());
        chip("Windows from 2003 on").click(); said.push(cells().length + " " + document.querySelectorAll("thead th").length);
        chip("only those with another answer than here").click(); said.push(state());
        said.push(location.hash, document.activeElement.tagName);
        location.hash = "#sockets=nonsense"; said.push(document.querySelectorAll("[aria-pressed=true]").length);
    '
    [ "${lines[0]}" = "425 rows, of which this machine allows $("$BUILD/reuseshim" matrix --csv --only tcp --only listen --only same | grep -c ',ok$')" ]
    [ "${lines[1]}" = "75 rows, of which this machine allows $("$BUILD/reuseshim" matrix --csv --only multicast --only same | grep -c ',ok$')" ]
    [ "${lines[2]}" = "3 rows, of which this machine allows 3" ]
    [ "${lines[3]}" = "6 3" ]
    [ "${lines[4]}" = "No row is like that." ]
    [ "${lines[5]}" = "#sockets=udp+multicast&amp;user=same&amp;first=A&amp;second=A&amp;system=windows&amp;only=differ" ]
}

@test "in a browser: on a telephone and on a desk the page is not wider than the window, by day and by night" {
    make_page
    run -0 in_browser '
        const root = document.scrollingElement, detail = document.getElementById("detail").getBoundingClientRect();
        said.push(root.scrollWidth <= root.clientWidth, innerWidth, detail.left > 700, getComputedStyle(document.body).backgroundColor);
    ' --window-size=1280,900 --blink-settings=preferredColorScheme=1
    [ "${lines[*]:0:3}" = "true 1280 true" ]
    by_day=${lines[3]}
    run -0 in_browser 'said.push(getComputedStyle(document.body).backgroundColor);' --blink-settings=preferredColorScheme=0
    [ "$by_day" = "rgb(246, 247, 249)" ]
    [ "${lines[0]}" = "rgb(20, 23, 29)" ]
    # A window of a browser cannot be as narrow as a telephone, but a frame can.
    in_browser '
        const root = document.scrollingElement, box = document.querySelector("td").getBoundingClientRect(), cell = cells()[8];
        cell.click();
        parent.postMessage([root.scrollWidth <= root.clientWidth, innerWidth, box.width >= 21 && box.height >= 32,
            document.querySelectorAll("details[open]").length, document.getElementById("detail").getBoundingClientRect().bottom <= innerHeight], "*");
    ' >/dev/null
    cat >"$BATS_TEST_TMPDIR/telephone.html" <<'PAGE'
<!doctype html><body><pre id="said"></pre><script>
addEventListener("message", event => { document.getElementById("said").textContent = event.data.join("\n"); });
</script><iframe src="told.html" width="390" height="844"></iframe></body>
PAGE
    run -0 browse "file://$BATS_TEST_TMPDIR/telephone.html" --window-size=800,1000
    [ "${lines[*]}" = "true 390 true 0 true" ]
}

@test "on a terminal a long run says how far it is, and leaves nothing behind" {
    run -0 script -qec "strace -f -qq -o /dev/null -e inject=bind:delay_exit=20000 '$BUILD/reuseshim' matrix --only udp --only connected --html '$BATS_TEST_TMPDIR/page.html'" /dev/null
    [[ $output =~ [0-9]+\ rows\ tried\ \.\.\. ]]
    [[ $output == *$'\r\e[K' ]]
    run -0 "$BUILD/reuseshim" matrix --summary
    [[ $output != *tried* ]]
}
