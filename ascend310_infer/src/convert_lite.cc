// Converts an ONNX file to a model of MindSpore Lite, as the tool converter_lite of the official archive. The PyPI kit
// has only the library of that tool.
//
//   convert_lite INPUT.onnx OUTPUT.mindir|OUTPUT.ms

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "error.h"
#include "image_files.h"
#include "include/api/dual_abi_helper.h"
#include "include/api/status.h"
#include "include/api/types.h"
#include "include/registry/converter_context.h"
#include "parts.h"

// The part of MindSpore Lite's converter.h that is used here; the PyPI kit does not have this header.
namespace mindspore {
struct ConverterPara;

class MS_API Converter {
 public:
  Converter(converter::FmkType kind, const std::vector<char> &model_file, const std::vector<char> &output_file,
            const std::vector<char> &weight_file);
  ~Converter() = default;
  void SetSaveType(ModelType type);
  Status Convert();

 private:
  std::shared_ptr<ConverterPara> data_;
};
}  // namespace mindspore

namespace {
namespace fs = std::filesystem;

void check(const fs::path &input, const fs::path &output) {
  if (input.extension() != ".onnx") {
    throw ssd::UserError(input.string() + " is no .onnx file: this MindSpore Lite cannot read the MindIR of current "
                         "MindSpore releases; export with --file_format=ONNX");
  }
  if (output.extension() != ".mindir" && output.extension() != ".ms") {
    throw ssd::UserError(output.string() + ": the name of the output must end with .mindir or .ms");
  }
  if (ssd::read_file(input).empty()) {
    throw ssd::UserError(input.string() + " is empty");
  }
}

// Runs the converter, which appends the suffix itself. It crashes on files that are not ONNX, so it has a process of its
// own.
bool run_converter(const fs::path &input, const fs::path &output_stem, mindspore::ModelType type) {
  const pid_t child = fork();
  if (child == 0) {
    mindspore::Converter converter(mindspore::converter::kFmkTypeOnnx, mindspore::StringToChar(input.string()),
                                   mindspore::StringToChar(output_stem.string()), {});
    converter.SetSaveType(type);
    _exit(converter.Convert().IsOk() ? 0 : 1);
  }
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void convert(const fs::path &input, const fs::path &output) {
  check(input, output);
  const bool as_ms = output.extension() == ".ms";
  const fs::path written = ssd::part_of(output);
  const fs::path part = written.parent_path() / written.stem();
  const bool done = run_converter(input, part, as_ms ? mindspore::kMindIR_Lite : mindspore::kMindIR);
  if (!done || !fs::exists(written)) {
    std::error_code ignored;
    fs::remove(written, ignored);
    throw ssd::UserError("MindSpore Lite cannot convert " + input.string() +
                         ": is it an ONNX file of export.py?");
  }
  // The converter makes the file readable to its owner only.
  fs::permissions(written, fs::perms::owner_write | fs::perms::group_read | fs::perms::others_read,
                  fs::perm_options::add);
  fs::rename(written, output);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "Usage: convert_lite INPUT.onnx OUTPUT.mindir|OUTPUT.ms\n";
    return 1;
  }
  try {
    convert(argv[1], argv[2]);
  } catch (const std::exception &error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
