#include "sentinel/arbiter/file_arbiter.hpp"

#include <stdexcept>

namespace portal::sentinel {
namespace {

struct Maker {
    const std::string& portal_name;

    std::unique_ptr<Arbiter> operator()(const config::FileArbiter& file) const {
        return std::make_unique<FileArbiter>(file.path, portal_name);
    }
    std::unique_ptr<Arbiter> operator()(const config::EtcdArbiter&) const {
        throw std::runtime_error("arbiter: this version has the file arbiter only, not etcd; set arbiter.file.path");
    }
    std::unique_ptr<Arbiter> operator()(const config::KubernetesArbiter&) const {
        throw std::runtime_error(
            "arbiter: this version has the file arbiter only, not kubernetes; set arbiter.file.path");
    }
};

}  // namespace

std::unique_ptr<Arbiter> make_arbiter(const config::Arbiter& settings, const std::string& portal_name) {
    return std::visit(Maker{portal_name}, settings);
}

}  // namespace portal::sentinel
