// Whole conversations: what clients and a node send, when connections end, who leads, and how time passes.
#include "tests/fuzz/conversation.hpp"
#include "tests/fuzz/harness.hpp"

namespace portal::fuzz {

std::vector<std::string> seeds() {
    const auto script = [](std::string_view choices, std::initializer_list<std::string_view> steps) {
        std::string out(choices);
        for (const std::string_view each : steps) {
            out.append(1, '\xff').append(each);
        }
        return out;
    };
    using namespace std::string_view_literals;
    constexpr auto kPlain = "\0\0"sv;
    constexpr auto kWithheld = "\0\1"sv;
    return {
        script(kPlain, {"AWATCH a\r\nGET a\r\nUNWATCH\r\n", "BWATCH b\r\nGET b\r\nUNWATCH\r\n"}),
        script(kPlain, {"ABLPOP l 0\r\n", "L\2", "T\4", "T\4", "a", "L\0"sv, "T\6"}),
        script(kPlain, {"AGET k\r\n", "BGET k\r\n", "CGET k\r\nSET k v\r\n", "a", "AGET k\r\n"}),
        script(kWithheld,
               {"n", "AGET a\r\nGET b\r\n", "CGET c\r\n", "BGET d\r\n", "n", "n", "x\1", "n", "AGET a\r\n", "n\0\0"sv}),
        script(kPlain, {"AMULTI\r\nGET a\r\nSET b 1\r\nEXEC\r\n", "AMULTI\r\n", "AGET a\r\n", "L\1", "AEXEC\r\n",
                        "ADISCARD\r\n"}),
        script(kPlain, {"A*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nEXEC\r\n",
                        "B*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n"}),
        script(kPlain, {"AWATCH a\r\n", "AMULTI\r\nSUBSCRIBE ch\r\nCLIENT ID\r\nGET a\r\nEXEC\r\n", "M", "ARESET\r\n"}),
        script(kPlain, {"ASUBSCRIBE ch\r\n", "BPSUBSCRIBE c*\r\n", "M", "CPUBLISH ch x\r\n", "L\1", "T\1", "M",
                        "AUNSUBSCRIBE\r\nPING\r\n"}),
        script(kPlain, {"AHELLO 3\r\n", "ASUBSCRIBE ch\r\nGET a\r\n", "M", "AUNSUBSCRIBE ch\r\n",
                        "BHELLO 3\r\nCLIENT TRACKING ON\r\nGET k\r\n"}),
        script(kPlain, {"BBLPOP l 0\r\n", "BGET k\r\n", "T\1", "u", "CBLPOP l 1\r\n", "c", "u", "ABLPOP q 0\r\n",
                        "CCLIENT LIST\r\n", "CCLIENT KILL TYPE normal\r\n"}),
        script(kPlain,
               {"L\2", "AGET k\r\nSET k v\r\n", "BSET k v\r\n", "T\1", "L\0"sv, "P\0"sv, "AGET k\r\n", "T\1", "P\1"}),
        script(kPlain, {"L\3", "ASET k v\r\n", "T\6", "L\5", "AGET k\r\n", "T\2"}),
        script(kWithheld, {"n", "ASET k v\r\n", "CSET k v\r\nGET k\r\n", "L\3", "T\3", "L\1", "T\1", "n", "n", "n"}),
        script("\1\1"sv, {"n\0\0"sv, "ASET k v\r\n", "x\0\1"sv, "T\1", "AGET k\r\n"}),
        script(kPlain, {"EMOVED 1 127.0.0.1:7", "AGET k\r\n", "EREADONLY You can't write against a read only replica.",
                        "ADEL k\r\n", "T\1", "ELOADING Redis is loading the dataset in memory", "BGET k\r\n",
                        "ENOAUTH Authentication required.", "AGET k\r\n", "EBUSY x", "CGET k\r\n", "EMASTERDOWN x",
                        "CGET k\r\n", "EEXECABORT x", "CGET k\r\n"}),
        script("\4\0"sv,
               {"R\0"sv, "G\x09", "AGET k\r\n", "G\x09", "AGET k\r\n", "CGET k\r\n", "R\0"sv, "G\x08", "AGET k\r\n"}),
        script(kPlain, {"N\0+OK\r\n"sv, "N\1$3\r\nabc\r\n", "AGET k\r\n", "N\2-ERR x\r\n:1\r\n", "AGET k\r\n",
                        "N\3>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"}),
        script(kWithheld,
               {"n\0\0"sv, "AGET k\r\n", "N\2$100000\r\nabc", "CGET l\r\n", "BGET k\r\n", "x\2", "T\5", "AGET k\r\n"}),
        script("\x80\0"sv, {"ASET k v\r\n", "BSET k v\r\nGET k\r\n", "T\1", "T\1", "L\1", "ASET k v\r\n", "T\1"}),
        script("\xc0\x10"sv, {"ASET k v\r\n", "T\1", "CSET k v\r\nGET k\r\n", "L\3", "T\3", "L\1", "T\1", "T\1"}),
        script("\0\x0c"sv, {"AGET k\r\n", "ASET k v\r\n", "L\1", "AGET k\r\n"}),
        script("\0\2"sv, {"AGET k\r\n", "BRESET\r\nGET k\r\n", "BHELLO 3 AUTH alice x\r\n", "T\4", "BAUTH bob x\r\n",
                          "CHELLO 3 SETNAME c\r\n"}),
        script(kPlain, {"ASELECT 1\r\nGET k\r\n", "ACLIENT SETNAME a\r\nCLIENT INFO\r\nCLIENT LIST\r\n",
                        "ACLIENT PAUSE 100 WRITE\r\n", "BSET k v\r\n", "T\3"}),
        script(kPlain,
               {"ACLIENT REPLY OFF\r\nGET k\r\n", "ACLIENT REPLY ON\r\n", "ACLIENT REPLY SKIP\r\nGET k\r\nGET k\r\n"}),
        script(kPlain, {"AEVAL x 0\r\nGET k\r\n", "ASCRIPT LOAD x\r\nEVALSHA 0 0\r\n", "T\1", "CFCALL f 0\r\n",
                        "ASCRIPT DEBUG YES\r\n", "AEVAL x 0\r\n", "As\r\n"}),
        script(kPlain, {"AMONITOR\r\n", "N\3+1 [0 x] \"GET\"\r\n", "AWAIT 1 0\r\n",
                        "CWAIT 1 0\r\nFT.FIND k v\r\nNOSUCH x\r\n"}),
        script(kPlain,
               {"ACLIENT TRACKING ON\r\nGET k\r\n", "AHELLO 3\r\nCLIENT TRACKING ON BCAST\r\nCLIENT CACHING YES\r\n",
                "CCLIENT TRACKING ON REDIRECT 1\r\nGET a\r\n"}),
        script("\x0c\0"sv,
               {"A*2\r\n$3\r\nGET\r\n$1500000\r\n", "Ax", "B*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$40000\r\n", "Bvvvv", "T\6"}),
        script("\x20\1"sv, {"n\0\0"sv, "AGET k\r\n", "n\0\1"sv, "AGET k\r\n", "T\5", "T\5", "T\5", "T\5", "T\5"}),
        script(kPlain,
               {"K\4", "ASUBSCRIBE a b c\r\n", "M", "K\0"sv, "Dd", "AQUIT\r\n", "BGET k\r\nQUIT\r\nGET k\r\n", "b\1"}),
    };
}

}  // namespace portal::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    portal::fuzz::Conversation conversation({reinterpret_cast<const char*>(data), size});
    conversation.run();
    return 0;
}
