// Runs a harness without libFuzzer: over its seeds, each also cut short at every byte, or over the files given.
// --write-seeds FOLDER writes the seeds as a corpus for libFuzzer.
#include "tests/fuzz/harness.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

void run(const std::string& input) {
    // A copy of exactly the bytes, as libFuzzer makes it: the sanitizer sees a read past them.
    const std::vector<std::uint8_t> bytes(input.begin(), input.end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

int write_seeds(const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder);
    int number = 0;
    for (const std::string& seed : portal::fuzz::seeds()) {
        std::ofstream(folder / ("seed_" + std::to_string(number++)), std::ios::binary) << seed;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() == 2 && arguments[0] == "--write-seeds") {
        return write_seeds(arguments[1]);
    }
    for (const std::string& name : arguments) {
        std::ifstream file(name, std::ios::binary);
        if (!file) {
            std::fprintf(stderr, "cannot read %s\n", name.c_str());
            return 1;
        }
        run({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
    }
    std::size_t runs = arguments.size();
    if (arguments.empty()) {
        for (const std::string& seed : portal::fuzz::seeds()) {
            const std::size_t step = seed.size() > 2000 ? 499 : 1;
            for (std::size_t size = 0; size < seed.size(); size += step, ++runs) {
                run(seed.substr(0, size));
            }
            run(seed);
            ++runs;
        }
    }
    std::printf("%zu inputs\n", runs);
    return 0;
}
