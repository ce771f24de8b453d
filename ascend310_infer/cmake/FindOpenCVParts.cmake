# The three parts of OpenCV that are needed, as the target OpenCVParts. Debian's small packages (libopencv-imgproc-dev,
# libopencv-imgcodecs-dev) have no OpenCVConfig.cmake; without it, headers and libraries are searched.

set(_parts core imgproc imgcodecs)
add_library(OpenCVParts INTERFACE IMPORTED)
find_package(OpenCV QUIET CONFIG COMPONENTS ${_parts})
if(OpenCV_FOUND)
  target_include_directories(OpenCVParts SYSTEM INTERFACE ${OpenCV_INCLUDE_DIRS})
  target_link_libraries(OpenCVParts INTERFACE ${OpenCV_LIBS})
else()
  find_path(OpenCVParts_INCLUDE_DIR opencv2/imgcodecs.hpp PATH_SUFFIXES opencv4)
  set(_libraries "")
  foreach(_part ${_parts})
    find_library(OpenCVParts_${_part}_LIBRARY opencv_${_part})
    list(APPEND _libraries OpenCVParts_${_part}_LIBRARY)
    target_link_libraries(OpenCVParts INTERFACE ${OpenCVParts_${_part}_LIBRARY})
  endforeach()
  include(FindPackageHandleStandardArgs)
  find_package_handle_standard_args(OpenCVParts REQUIRED_VARS OpenCVParts_INCLUDE_DIR ${_libraries}
    REASON_FAILURE_MESSAGE "Debian, Ubuntu: apt-get install libopencv-imgproc-dev libopencv-imgcodecs-dev")
  target_include_directories(OpenCVParts SYSTEM INTERFACE "${OpenCVParts_INCLUDE_DIR}")
endif()
