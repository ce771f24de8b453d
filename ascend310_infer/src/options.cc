#include "options.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "error.h"

namespace ssd {
namespace {

struct Flag {
  std::string name;
  std::string meaning;
  std::function<void(Options *, const std::string &)> set;  // throws std::invalid_argument with what is allowed
};

template <typename Number>
Number number(const std::string &text, Number low, Number high) {
  std::istringstream stream(text);
  Number value{};
  if (!(stream >> value) || stream.peek() != std::istringstream::traits_type::eof() || value < low || value > high) {
    std::ostringstream allowed;
    allowed << (std::is_integral_v<Number> ? "an integer" : "a number") << " from " << low << " to " << high;
    throw std::invalid_argument(allowed.str());
  }
  return value;
}

std::string one_of(const std::string &text, const std::vector<std::string> &choices) {
  const auto same_letter = [](char a, char b) { return std::tolower(a) == std::tolower(b); };
  std::string allowed;
  for (const auto &choice : choices) {
    if (std::equal(text.begin(), text.end(), choice.begin(), choice.end(), same_letter)) {
      return choice;
    }
    allowed += (allowed.empty() ? "" : ", ") + choice;
  }
  throw std::invalid_argument(allowed);
}

std::vector<std::string> split(const std::string &text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) {
    parts.push_back(part);
  }
  return parts;
}

// Red, green and blue.
std::array<float, 3> three_numbers(const std::string &text, float low) {
  const auto parts = split(text);
  std::array<float, 3> values{};
  if (parts.size() != values.size()) {
    throw std::invalid_argument("three numbers, separated by commas");
  }
  std::transform(parts.begin(), parts.end(), values.begin(),
                 [low](const std::string &part) { return number(part, low, 1000.0F); });
  return values;
}

const std::vector<Flag> &flags() {
  constexpr int kMaxSide = 8192;
  constexpr int kMaxThreads = 256;
  static const std::vector<Flag> kFlags = {
      {"mindir_path", "model: MindIR or .ms file that this MindSpore Lite can load",
       [](Options *o, const std::string &text) { o->mindir_path = text; }},
      {"dataset_path", "folder of the images",
       [](Options *o, const std::string &text) { o->dataset_path = text; }},
      {"device_type", "Ascend, GPU or CPU (default)",
       [](Options *o, const std::string &text) { o->device_type = one_of(text, {"Ascend", "GPU", "CPU"}); }},
      {"device_id", "number of the device, default 0",
       [](Options *o, const std::string &text) { o->device_id = number(text, 0, 1023); }},
      {"cpu_dvpp", "decoder of the images: CPU (default), or DVPP on Ascend",
       [](Options *o, const std::string &text) { o->cpu_dvpp = one_of(text, {"CPU", "DVPP"}); }},
      {"aipp_path", "AIPP configuration, with DVPP",
       [](Options *o, const std::string &text) { o->aipp_path = text; }},
      {"image_height", "height of the network's input; default: that of the model",
       [](Options *o, const std::string &text) { o->image_height = number(text, 1, kMaxSide); }},
      {"image_width", "width of the network's input; default: that of the model",
       [](Options *o, const std::string &text) { o->image_width = number(text, 1, kMaxSide); }},
      {"image_mean", "mean of the input, red, green and blue in 0 to 1; default 0.485,0.456,0.406",
       [](Options *o, const std::string &text) { o->input_format.mean = three_numbers(text, 0); }},
      {"image_std", "standard deviation of the input likewise; default 0.229,0.224,0.225",
       [](Options *o, const std::string &text) { o->input_format.standard_deviation = three_numbers(text, 1e-6F); }},
      {"float_resize", "True: do not round the values of resized images to whole numbers; default False",
       [](Options *o, const std::string &text) {
         o->input_format.float_resize = one_of(text, {"True", "False"}) == "True";
       }},
      {"exif", "upright (default): turn photographs as their EXIF data ask, boxes are of the upright image; or stored",
       [](Options *o, const std::string &text) { o->upright = one_of(text, {"upright", "stored"}) == "upright"; }},
      {"output_path", "folder of result_Files and time_Result, default the working directory",
       [](Options *o, const std::string &text) { o->output_path = text; }},
      {"detections", "write detections to this file, as COCO results, instead of the .bin files",
       [](Options *o, const std::string &text) { o->detections = text; }},
      {"annotations", "COCO annotation file that gives the ids of images and categories; images that it does not list "
                      "are left out. Default: an image's id is its numeric name, a category's id its label",
       [](Options *o, const std::string &text) { o->annotations = text; }},
      {"classes", "names of the classes in label order with the background first, separated by commas",
       [](Options *o, const std::string &text) { o->classes = split(text); }},
      {"min_score", "detections have a score above it, default 0.1; best: that of the best F1, from the file "
                    "MODEL.thresholds.json beside the model",
       [](Options *o, const std::string &text) {
         o->best_score = text == "best";
         o->min_score = o->best_score ? 0.0F : number(text, 0.0F, 1.0F);
       }},
      {"nms_threshold", "largest IoU of two detections of a class, default 0.6",
       [](Options *o, const std::string &text) { o->nms_threshold = number(text, 0.0F, 1.0F); }},
      {"max_boxes", "largest number of detections of a class in an image, default 100",
       [](Options *o, const std::string &text) { o->max_boxes = number(text, 1, 1000000); }},
      {"threads", "threads of the network on a CPU, default all cores",
       [](Options *o, const std::string &text) { o->threads = number(text, 1, kMaxThreads); }},
      {"decode_threads", "threads that read and decode images, default all cores",
       [](Options *o, const std::string &text) { o->decode_threads = number(text, 1, kMaxThreads); }},
  };
  return kFlags;
}

void check(const Options &options) {
  if (options.mindir_path.empty() || options.dataset_path.empty()) {
    throw UserError("--mindir_path and --dataset_path are needed (--help lists all flags)");
  }
  if ((options.image_height == 0) != (options.image_width == 0)) {
    throw UserError("--image_height and --image_width go together: give both or none");
  }
  if (options.cpu_dvpp == "DVPP" && options.device_type != "Ascend") {
    throw UserError("--cpu_dvpp=DVPP decodes on an Ascend device, but --device_type is " + options.device_type +
                    ": use --cpu_dvpp=CPU");
  }
  if (options.cpu_dvpp == "DVPP" && (options.image_height == 0 || options.aipp_path.empty())) {
    throw UserError("--cpu_dvpp=DVPP needs --image_height, --image_width and --aipp_path");
  }
  if (options.detections.empty() && !options.annotations.empty()) {
    throw UserError("--annotations is for --detections only");
  }
  for (size_t label = 0; label < options.classes.size(); ++label) {
    const auto end = options.classes.begin() + static_cast<std::ptrdiff_t>(label);
    if (std::find(options.classes.begin(), end, *end) != end) {
      throw UserError("--classes names '" + *end + "' twice");
    }
  }
  if (!options.annotations.empty() && options.classes.empty()) {
    throw UserError("--annotations needs --classes, the names of the network's labels");
  }
}

}  // namespace

std::string usage() {
  std::ostringstream text;
  text << "Usage: main --mindir_path=FILE --dataset_path=FOLDER [--name=value ...]\n"
          "Runs a detector on all images of a folder and writes its outputs to result_Files/<image>_0.bin (boxes) and\n"
          "<image>_1.bin (scores), float32, and the time of the network to time_Result/test_perform_static.txt.\n\n";
  for (const auto &flag : flags()) {
    text << "  --" << flag.name << std::string(16 - flag.name.size(), ' ') << flag.meaning << "\n";
  }
  return text.str();
}

Options parse_options(const std::vector<std::string> &arguments) {
  Options options;
  std::set<std::string> seen;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string &argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      options.help = true;
      return options;
    }
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const auto flag = std::find_if(flags().begin(), flags().end(),
                                   [&name](const Flag &known) { return "--" + known.name == name; });
    if (flag == flags().end()) {
      throw UserError("unknown argument " + argument + " (--help lists all flags)");
    }
    if (!seen.insert(name).second) {
      throw UserError(name + " is given twice");
    }
    if (equals == std::string::npos && i + 1 == arguments.size()) {
      throw UserError(name + " needs a value");
    }
    const std::string value = equals == std::string::npos ? arguments[++i] : argument.substr(equals + 1);
    try {
      flag->set(&options, value);
    } catch (const std::invalid_argument &allowed) {
      throw UserError(name + " is '" + value + "'; allowed: " + allowed.what());
    }
  }
  check(options);
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  options.threads = options.threads == 0 ? cores : options.threads;
  options.decode_threads = options.decode_threads == 0 ? cores : options.decode_threads;
  return options;
}

}  // namespace ssd
